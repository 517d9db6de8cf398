"""A process of the run, in a group of its own: started, killed, frozen, started again."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from spool_live.local.processes import ChildProcess

ROOT = Path(__file__).parents[3]


class Part:
    """``command`` with its output in ``folder``. On Linux it ends when the run does, however."""

    def __init__(self, folder: Path, name: str, *command: str, **environment: str) -> None:
        self.name = name
        self._command = command
        self._environment = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
        self._log = folder / f"{name}.log"
        self._process: ChildProcess | None = None

    def start(self) -> None:
        """Starts it and does not wait until it is ready."""
        self._process = ChildProcess(
            self._command,
            log_file=self._log,
            environment=self._environment,
            folder=ROOT,
            append=True,
            escalation=((signal.SIGTERM, 20.0),),
        )

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.running

    @property
    def children(self) -> list[int]:
        """Its own processes, where the system shows them (Linux)."""
        listed = Path(f"/proc/{self.pid}/task/{self.pid}/children")
        return [int(pid) for pid in listed.read_text().split()] if listed.exists() else []

    def signal(self, how: signal.Signals) -> None:
        """To the whole group; nothing where it has ended."""
        if self._process is not None and self._process.running:
            self._process.signal(how)

    def kill(self) -> None:
        """SIGKILL, and waits for the end."""
        if self._process is not None:
            self._process.kill()

    def stop(self) -> None:
        """SIGTERM to the main process, and SIGKILL to all once it obeyed or was too slow."""
        if self._process is not None:
            self._process.stop()
            self._process.kill()

    def restart(self) -> None:
        """SIGKILL and a new start."""
        self.kill()
        self.start()
