"""A reader: a folder, a terminal to type into, and more of them for what goes on running."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from tests.blocks import Block

PATIENCE = 240
"""Seconds for one block; it takes a tenth of them on a calm machine."""
_OURS = re.compile(r"^(SUPABASE|DJANGO|SPOOL|PYTHON|PYTEST|COV|VIRTUAL_ENV|TOX|UV)")


class Terminal:
    """A shell that runs one block, and what it has printed so far."""

    def __init__(self, block: str, folder: Path, log: Path, env: Mapping[str, str]) -> None:
        self._log = log
        with log.open("wb") as out:
            self._process = subprocess.Popen(
                ["bash", "-e", "-c", block],
                cwd=folder,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def printed(self) -> str:
        """All of it."""
        return self._log.read_text("utf-8", errors="replace")

    def expect(self, wanted: str | re.Pattern[str]) -> re.Match[str]:
        """Waits until it prints this."""
        pattern = re.compile(re.escape(wanted)) if isinstance(wanted, str) else wanted
        deadline = time.monotonic() + PATIENCE
        while True:
            is_over = self._process.poll() is not None
            if found := pattern.search(self.printed):
                return found
            assert not is_over, f"it ended before it printed {pattern.pattern!r}:\n{self.printed}"
            assert time.monotonic() < deadline, f"no {pattern.pattern!r} in:\n{self.printed}"
            time.sleep(0.1)

    def close(self) -> None:
        """Ctrl-C, and harder where that does not help."""
        for how in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, how)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(20)
                return


class Reader:
    """Follows blocks in ``folder``, with ``port`` where the page has 8000."""

    def __init__(self, folder: Path, logs: Path, wheel: Path, port: int) -> None:
        self.folder = folder
        self.terminals: dict[str, Terminal] = {}
        self._logs = logs
        self._address = f"127.0.0.1:{port}"
        here = str(Path(sys.executable).parent)
        paths = [p for p in os.environ.get("PATH", "").split(os.pathsep) if p != here]
        base = str(Path(sys._base_executable).parent)  # type: ignore[attr-defined]
        self._env = {
            **{name: value for name, value in os.environ.items() if not _OURS.match(name)},
            "PATH": os.pathsep.join([base, *paths]),
            "PIP_FIND_LINKS": f"{wheel.parent} {os.environ.get('PIP_FIND_LINKS', '')}".strip(),
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_ROOT_USER_ACTION": "ignore",
            "PYTHONUNBUFFERED": "1",
        }
        self._state = logs / "state.sh"
        self._state.write_text("")

    def text_of(self, block: Block) -> str:
        """The block as this reader copies it."""
        return block.text.replace("127.0.0.1:8000", self._address)

    def follow(self, block: Block) -> None:
        """Does with the block what the page says."""
        text = self.text_of(block)
        if place := block.notes.get("in"):
            assert text in (self.folder / place).read_text("utf-8"), f"{place} lacks\n{text}"
        elif name := block.notes.get("shown in"):
            self.terminals[name].expect(block.shown)
        elif name := block.notes.get("terminal"):
            self.open(name, text).expect(block.notes["until"])
        elif block.title:
            with (self.folder / block.title).open("a" if "append" in block.notes else "w") as file:
                file.write(text)
        else:
            assert block.language == "sh", f"what does one do with this?\n{text}"
            self.run(text)

    def open(self, name: str, text: str) -> Terminal:
        """Runs ``text`` in a new terminal."""
        log = self._logs / f"{name}.log"
        self.terminals[name] = Terminal(text, self.folder, log, self._env)
        return self.terminals[name]

    def run(self, text: str) -> str:
        """Runs ``text`` in the terminal that has been open all the time; returns what it prints."""
        kept = f"export -p > {self._state}; printf 'cd %q\\n' \"$PWD\" >> {self._state}"
        done = subprocess.run(
            ["bash", "-e", "-c", f". {self._state}\n{text}\n{kept}"],
            cwd=self.folder,
            env=self._env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        others = "".join(f"\n--- {n}\n{t.printed[-3000:]}" for n, t in self.terminals.items())
        assert done.returncode == 0, f"{text}\n{done.stdout}{others}"
        return done.stdout

    def variables(self) -> dict[str, str]:
        """What ``.env`` says."""
        lines = (self.folder / ".env").read_text("utf-8").splitlines()
        return dict(line.split("=", 1) for line in lines if line)

    def close(self) -> None:
        """Closes all terminals, the newest first."""
        for terminal in reversed(self.terminals.values()):
            terminal.close()
        self.terminals.clear()
