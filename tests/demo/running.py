"""The demo as a person starts it: one command, from outside."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from spool_live.local.processes import wait_until

from .processes import alive, descendants

REPOSITORY = Path(__file__).resolve().parents[2]
STARTS_WITHIN = 150.0
STOPS_WITHIN = 60.0


class RunningDemo:
    """A demo process, and what its ready file says."""

    def __init__(self, folder: Path, *options: str, variables: Mapping[str, str] = {}) -> None:
        self.folder = folder
        self._variables = variables
        run = f"{folder.name}-{secrets.token_hex(4)}"
        self.ready_file = folder.parent / f"{run}.json"
        self.output = folder.parent / f"{run}.log"
        command = ["demo", "--state-dir", str(folder), "--ready-file", str(self.ready_file)]
        self.process = self._manage(*command, *options)
        wait_until(self._settled, within=STARTS_WITHIN)
        assert self.process.poll() is None, self.output.read_text()
        self.ready: dict[str, Any] = json.loads(self.ready_file.read_text())
        self.pids = [self.process.pid, *descendants(self.process.pid)]

    @property
    def mode(self) -> str:
        """``broadcast`` or ``postgres_changes``."""
        return str(json.loads((self.folder / "run.json").read_text())["mode"])

    @property
    def sites(self) -> list[dict[str, Any]]:
        sites: list[dict[str, Any]] = self.ready["sites"]
        return sites

    @property
    def kept_secret(self) -> dict[str, str]:
        """Everything that must never reach a reader's browser, by name."""
        run = json.loads((self.folder / "run.json").read_text())
        credentials = json.loads((self.folder / "credentials.json").read_text())
        return {
            "service key": run["secret_key"],
            "signing key": json.loads(run["signing_key"])["d"],
            "database": run["database_url"].rpartition("@")[0].rpartition(":")[2],
            "Django's key": credentials["django_secret_key"],
            **{f"API key of {site}": key for site, key in credentials["api_keys"].items()},
            **{f"password of {login}": word for login, word in credentials["passwords"].items()},
        }

    def manage(self, *arguments: str) -> str:
        """What a ``manage.py`` command prints that talks to this demo."""
        return subprocess.run(
            (sys.executable, "manage.py", *arguments),
            cwd=REPOSITORY,
            env=self._environment(),
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
        ).stdout

    def interrupt(self, times: int = 1) -> int:
        """Ctrl-C, as often as a terminal and tox send it; returns the exit status."""
        for _ in range(times):
            self.process.send_signal(signal.SIGINT)
        return self.process.wait(STOPS_WITHIN)

    def kill(self) -> None:
        """``kill -9``, and wait until everything that it had started is gone."""
        self.process.kill()
        self.process.wait()
        wait_until(lambda: not self.leftovers(), within=STOPS_WITHIN)

    def leftovers(self) -> list[int]:
        """The processes of the demo that still run."""
        return [pid for pid in self.pids if alive(pid)]

    def _manage(self, *arguments: str) -> subprocess.Popen[bytes]:
        with self.output.open("wb") as output:
            return subprocess.Popen(
                (sys.executable, "manage.py", *arguments),
                cwd=REPOSITORY,
                env=self._environment(),
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def _settled(self) -> bool:
        return self.ready_file.exists() or self.process.poll() is not None

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name != "REDIS_URL"}
        own = {"DJANGO_SETTINGS_MODULE": "demo_project.settings", "PYTHONDEVMODE": ""}
        state = {"SPOOL_LIVE_DEMO_STATE_DIR": str(self.folder)}
        return {**kept, **own, **self._variables, **state}


@contextmanager
def running_demo(
    folder: Path, *options: str, variables: Mapping[str, str] = {}
) -> Iterator[RunningDemo]:
    """A demo that runs while the block runs, whatever happens in it; ``variables`` of its
    environment."""
    demo = RunningDemo(folder, *options, variables=variables)
    try:
        yield demo
    finally:
        if demo.process.poll() is None:
            demo.interrupt()
