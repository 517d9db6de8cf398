"""The JavaScript client in a process of its own, and what it printed."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PACKAGE = Path(__file__).parents[3] / "packages" / "js"
WAIT = 30.0


class Follower:
    """One run of ``follow.mjs``."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.updates: list[dict[str, Any]] = []
        self.resets: list[dict[str, Any]] = []
        self.states: list[dict[str, Any]] = []
        self.errors: list[str] = []
        self._process = process
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    @property
    def seqs(self) -> list[int | None]:
        return [update["seq"] for update in self.updates]

    @property
    def phase(self) -> str:
        return str(self.states[-1]["phase"]) if self.states else "idle"

    def until(self, condition: Callable[[], object], within: float = WAIT) -> None:
        """Wait for the condition on what was printed."""
        deadline = time.monotonic() + within
        with self._changed:
            while not condition():
                arrived = self._changed.wait(max(0.0, deadline - time.monotonic()))
                assert arrived, (
                    f"not within {within} s: {len(self.updates)} updates, "
                    f"{self.states[-1:]}, {self.errors}"
                )

    def until_live(self, within: float = WAIT) -> None:
        self.until(lambda: self.phase == "live", within)

    def say(self, word: str) -> None:
        """``hold`` or ``release`` the handler."""
        assert self._process.stdin
        self._process.stdin.write(f"{word}\n")
        self._process.stdin.flush()

    def join(self) -> None:
        """To be called when the process has ended."""
        self._reader.join(WAIT)
        assert self._process.stdout
        self._process.stdout.close()

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            printed = json.loads(line)
            with self._changed:
                getattr(self, f"{printed['kind']}s").append(printed["value"])
                self._changed.notify_all()


@contextmanager
def following(supabase_url: str | None = None, **config: Any) -> Iterator[Follower]:
    """The built package with this configuration, on standard input: no key is in ``ps``."""
    node = shutil.which("node")
    assert node, "node is missing: run tox run -e node, which brings it"
    process = subprocess.Popen(
        [node, str(HERE / "follow.mjs")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    follower = Follower(process)
    wanted = {
        "package": (PACKAGE / "dist" / "index.js").as_uri(),
        "config": config,
        "supabaseUrl": supabase_url,
    }
    follower.say(json.dumps(wanted))
    try:
        yield follower
    finally:
        assert process.stdin
        process.stdin.close()
        process.wait(WAIT)
        follower.join()


def build() -> None:
    """The package as npm would publish it, with its tools installed where they are not."""
    npm = shutil.which("npm")
    assert npm, "npm is missing: run tox run -e node, which brings it"
    if not (PACKAGE / "node_modules" / ".package-lock.json").exists():
        subprocess.run([npm, "ci", "--silent", "--no-progress"], cwd=PACKAGE, check=True)
    subprocess.run([npm, "run", "--silent", "build"], cwd=PACKAGE, check=True)
