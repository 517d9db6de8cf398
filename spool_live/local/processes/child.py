"""A child process that never outlives its owner."""

from __future__ import annotations

import atexit
import contextlib
import errno
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import BinaryIO

from spool_live.local.processes import launcher

Escalation = Sequence[tuple[signal.Signals, float]]
"""Signals to end a process with, each with the seconds it gets to obey."""

TERMINATE: Escalation = ((signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0))


def launched(
    *program: str, identity: str = "self", orphan_signal: signal.Signals = signal.SIGTERM
) -> list[str]:
    """Return ``program`` behind the launcher, so that it gets ``orphan_signal`` when this process
    ends.

    ``identity`` is a value of ``ProcessIdentity``.
    """
    script = str(Path(launcher.__file__))
    binding = (identity, str(int(orphan_signal)), str(os.getpid()))
    return [sys.executable, "-I", "-S", script, *binding, *program]


class ChildProcess:
    """``command`` in a session of its own, its output in ``log_file``, readable by its owner only.

    - ``orphan_signal``: what it gets when its owner dies in whatever way (Linux only; None where
      ``command`` is launched already).
    - ``environment``: all of its environment; None inherits.
    - ``errors_only``: whether its standard output is dropped, because it contains secrets.
    - ``append``: whether to keep what the log file holds.
    - ``sockets``: file descriptors that it inherits.

    Without a ``log_file`` its standard output is dropped and its errors are shown. It is forked
    from a thread that lives as long as the process does, because Linux's parent-death signal fires
    when the forking *thread* ends. At a normal exit of the interpreter it is stopped too.
    Raises ``OSError`` if it cannot start.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        log_file: Path | None = None,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
        escalation: Escalation = TERMINATE,
        orphan_signal: signal.Signals | None = signal.SIGTERM,
        sockets: Sequence[int] = (),
        errors_only: bool = False,
        append: bool = False,
    ) -> None:
        _refuse_missing(command[0], environment)
        if orphan_signal is not None:
            command = launched(*command, orphan_signal=orphan_signal)
        self._escalation = escalation
        self._owner = os.getpid()
        self.ended: Future[int] = Future()
        """The exit status, once there is one; callbacks run in a thread of their own."""
        self.ended.set_running_or_notify_cancel()
        started: Future[subprocess.Popen[bytes]] = Future()

        def own_the_process() -> None:
            try:
                with _opened(log_file, append=append) as log:
                    process = subprocess.Popen(  # noqa: S603  no shell, the owner's command
                        command,
                        stdin=subprocess.DEVNULL,
                        stdout=subprocess.DEVNULL if errors_only or log is None else log,
                        stderr=log,
                        env=environment,
                        cwd=folder,
                        pass_fds=sockets,
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
        """Its process id, which is also that of its session and process group."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.poll() is None

    def signal(self, how: signal.Signals) -> None:
        """Signal the process and everything it started in its session."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, how)

    def kill(self) -> None:
        """End it and everything in its session at once, and wait for its end."""
        self.signal(signal.SIGKILL)
        self._process.wait()
        atexit.unregister(self.stop)

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


def _refuse_missing(program: str, environment: Mapping[str, str] | None) -> None:
    """Raise an error early: the launcher would report it too late, and not as an error of ours."""
    path = (os.environ if environment is None else environment).get("PATH")
    if shutil.which(program, path=path) is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), program)


@contextlib.contextmanager
def _opened(log_file: Path | None, *, append: bool) -> Iterator[BinaryIO | None]:
    if log_file is None:
        yield None
        return
    with open(log_file, "ab" if append else "wb", opener=_private) as log:
        yield log


def _private(path: str, flags: int) -> int:
    """Open a file that only its owner can read: a server's log may quote data."""
    return os.open(path, flags, 0o600)
