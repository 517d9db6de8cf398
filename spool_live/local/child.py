"""A child process that never outlives its owner."""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path

Escalation = Sequence[tuple[signal.Signals, float]]
"""Signals to end a process with, each with the seconds it gets to obey."""


class ChildProcess:
    """``command`` in a session of its own, its output in ``log_file``.

    The process is forked from a thread that lives as long as the process does, because Linux's
    parent-death signal (see :mod:`.launcher`) fires when the forking *thread* ends. At a normal
    exit of the interpreter the child is stopped too. Raises :class:`OSError` if it cannot start.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        log_file: Path,
        environment: Mapping[str, str],
        folder: Path,
        escalation: Escalation,
    ) -> None:
        self._escalation = escalation
        self._owner = os.getpid()
        self.ended: Future[int] = Future()
        """The exit status, once there is one; callbacks run in a thread of their own."""
        started: Future[subprocess.Popen[bytes]] = Future()

        def own_the_process() -> None:
            try:
                with open(log_file, "wb", opener=_private) as log:
                    process = subprocess.Popen(  # noqa: S603  no shell, the owner's command
                        command,
                        stdin=subprocess.DEVNULL,
                        stdout=log,
                        stderr=log,
                        env=environment,
                        cwd=folder,
                        start_new_session=True,
                    )
            except OSError as error:
                started.set_exception(error)
            else:
                started.set_result(process)
                self.ended.set_result(process.wait())

        threading.Thread(target=own_the_process, name=f"owner of {command[0]}", daemon=True).start()
        self._process = started.result()
        atexit.register(self.stop)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def stop(self) -> None:
        """Signal, wait, signal harder. Does nothing in a forked copy of the owner."""
        if os.getpid() != self._owner:
            return
        for how, grace in self._escalation:
            if self.running:
                self._process.send_signal(how)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._process.wait(grace)
        atexit.unregister(self.stop)


def _private(path: str, flags: int) -> int:
    """Opens a file that only its owner can read: a server's log may quote data."""
    return os.open(path, flags, 0o600)
