"""A process of the run, in a group of its own: started, killed, frozen, started again."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from spool_live.local.identity import Identity

ROOT = Path(__file__).parents[3]


class Part:
    """``command`` with its output in ``folder``. On Linux it ends when the run does, however."""

    def __init__(self, folder: Path, name: str, *command: str, **environment: str) -> None:
        self.name = name
        self._command = command
        self._environment = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
        self._log = folder / f"{name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it and does not wait until it is ready."""
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(
                Identity.SELF.command(*self._command),
                stdout=output,
                stderr=output,
                env=self._environment,
                cwd=ROOT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def children(self) -> list[int]:
        """Its own processes, where the system shows them (Linux)."""
        listed = Path(f"/proc/{self.pid}/task/{self.pid}/children")
        return [int(pid) for pid in listed.read_text().split()] if listed.exists() else []

    def signal(self, how: signal.Signals) -> None:
        """To the whole group; nothing where it has ended."""
        if self.running:
            os.killpg(self.pid, how)

    def kill(self) -> None:
        """SIGKILL, and waits for the end."""
        self.signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait(20)

    def stop(self, within: float = 20.0) -> None:
        """SIGTERM to the main process, and SIGKILL to all after ``within`` seconds."""
        if self.running and self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(within)
            except subprocess.TimeoutExpired:
                self.kill()

    def restart(self) -> None:
        """SIGKILL and a new start."""
        self.kill()
        self.start()


def until(condition: Callable[[], object], within: float, what: str) -> None:
    """Waits until ``condition`` holds; raises :class:`TimeoutError` that names ``what``."""
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {within:.0f} s: {what}")
        time.sleep(0.05)
