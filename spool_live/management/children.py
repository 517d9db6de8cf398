"""Runs commands of the project side by side, until one of them ends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from django.core.management.base import CommandError

POLL = 0.2
"""Seconds between two checks."""
ENDS_WITHIN = 10.0
"""Seconds that a command may take to end before it is killed."""


class Children:
    """Management commands in child processes, which end when this process ends, for any reason
    (after ``kill -9`` on Linux only)."""

    def __init__(self) -> None:
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, *arguments: str, is_silent: bool = False) -> None:
        """Start the command ``name``. With ``is_silent`` only its errors are shown."""
        from spool_live.local.processes.child import launched  # noqa: PLC0415 - of an extra

        self._running[name] = subprocess.Popen(  # noqa: S603 - Python itself, with our commands
            launched(sys.executable, "-m", "django", name, *arguments),
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL if is_silent else None,
        )

    def wait_for_port(self, name: str, port: int) -> None:
        """Wait until a server listens on ``port`` of this machine.

        Raises ``CommandError`` if the command ``name`` ends first.
        """
        while self._running[name].poll() is None:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), POLL):
                return
            time.sleep(POLL)
        raise CommandError(f"{name} ended by itself; what it printed above says why.")

    def wait(self, *names: str) -> None:
        """Wait for ever. Raises ``CommandError`` when one of the commands ``names`` ends."""
        while True:
            for name in names:
                if self._running[name].poll() is not None:
                    raise CommandError(f"{name} ended by itself; what it printed above says why.")
            time.sleep(POLL)

    def stop(self) -> None:
        """End all commands, the one that was started last first."""
        for process in reversed(self._running.values()):
            process.terminate()
            try:
                process.wait(ENDS_WITHIN)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def interrupted_by_sigterm() -> Iterator[None]:
    """Let SIGTERM raise ``KeyboardInterrupt``, as Ctrl-C does, so that everything is stopped."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
