"""One process: its command, the wait until it is ready, and its end."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from spool_live.local.processes import ChildProcess

_POLL = 0.05
_TAIL_LINES = 15
_TAIL_BYTES = 16_000

Probe = Callable[[], Awaitable[bool]]


@dataclass(frozen=True)
class Command:
    """What to run, and how to end it."""

    name: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    stop_signal: signal.Signals = signal.SIGTERM
    grace: float = 5.0
    """Seconds from ``stop_signal`` until the process is killed with its group."""
    patience: float = 60.0
    """Seconds that the process may take to become ready, or to finish if it is run to its end."""
    orphan_signal: signal.Signals = signal.SIGTERM
    """The signal that the kernel sends to the process when the supervisor dies."""
    sockets: tuple[int, ...] = ()
    """File descriptors that the process inherits."""
    prints_secrets: bool = False
    """Whether its standard output contains secrets, so that only its errors are logged."""


class ServiceFailed(Exception):
    """A process that ended or did not get ready; ``lines`` are the last of its log."""

    def __init__(self, name: str, what: str, lines: list[str], log: Path) -> None:
        super().__init__(f"{name} {what}; its log is {log}")
        self.name = name
        self.lines = lines


class Service:
    """A running ``Command`` in its own session, with its output in ``<logs>/<name>.log``."""

    def __init__(self, command: Command, logs: Path) -> None:
        self.command = command
        self.log = logs / f"{command.name}.log"
        self._process: ChildProcess | None = None

    def start(self) -> None:
        """Start the process; raises ``OSError`` if the program does not exist."""
        self._process = ChildProcess(
            self.command.arguments,
            log_file=self.log,
            environment={**os.environ, **self.command.environment},
            escalation=((self.command.stop_signal, self.command.grace),),
            orphan_signal=self.command.orphan_signal,
            sockets=self.command.sockets,
            errors_only=self.command.prints_secrets,
        )

    async def ready(self, probe: Probe) -> None:
        """Wait until ``probe`` returns True. Raises ``ServiceFailed`` if it ends or is late."""
        try:
            async with asyncio.timeout(self.command.patience):
                while not await probe():
                    if self._started.ended.done():
                        raise self.failure(f"ended with status {self._started.ended.result()}")
                    await asyncio.sleep(_POLL)
        except TimeoutError as late:
            raise self.failure(f"was not ready within {self.command.patience:.0f} s") from late

    async def finished(self) -> int:
        """Wait for its end; return the exit status (negative: the signal that ended it)."""
        return await asyncio.wrap_future(self._started.ended)

    async def stop(self) -> None:
        """Stop the process, by force after ``grace`` seconds, with everything in its session."""
        if self._process is not None:
            await asyncio.to_thread(self._process.stop)
            self._process.kill()

    def kill(self) -> None:
        """Kill the process and everything in its session."""
        if self._process is not None:
            self._process.kill()

    def failure(self, what: str) -> ServiceFailed:
        """Return the error that ``what`` happened to the process, with the end of its log."""
        with self.log.open("rb") as log:
            log.seek(max(0, self.log.stat().st_size - _TAIL_BYTES))
            lines = log.read().decode(errors="replace").splitlines()
        return ServiceFailed(self.command.name, what, lines[-_TAIL_LINES:], self.log)

    @property
    def _started(self) -> ChildProcess:
        if self._process is None:
            raise RuntimeError(f"{self.command.name} was not started")
        return self._process
