"""Child processes that end with the process that started them."""

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
"""Signals to end a process with, each with the seconds to wait for its end."""

TERMINATE: Escalation = ((signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0))


def launched(
    *program: str, identity: str = "self", orphan_signal: signal.Signals = signal.SIGTERM
) -> list[str]:
    """Return the command that runs ``program`` by way of the launcher, so that it gets
    ``orphan_signal`` when this process ends.

    ``identity`` is a value of ``ProcessIdentity``.
    """
    script = str(Path(launcher.__file__))
    binding = (identity, str(int(orphan_signal)), str(os.getpid()))
    return [sys.executable, "-I", "-S", script, *binding, *program]


class ChildProcess:
    """``command`` in its own session; its output goes to ``log_file``, which only the owner can
    read.

    - ``orphan_signal``: the signal it gets when its owner ends, however that ends (Linux only; None
      if ``command`` comes from ``launched`` already).
    - ``environment``: its whole environment; None inherits the owner's.
    - ``errors_only``: whether its standard output is dropped, because it contains secrets.
    - ``append``: whether to keep the log file's present content.
    - ``sockets``: file descriptors that it inherits.

    Without a ``log_file`` its standard output is dropped and its errors are shown. It is forked
    from a thread that lives as long as the child does, because Linux sends the parent-death signal
    when the forking *thread* ends. It is also stopped at a normal exit of the interpreter. Raises
    ``OSError`` if it cannot start.
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
        """The exit status, once the process has ended; callbacks run in another thread."""
        self.ended.set_running_or_notify_cancel()
        started: Future[subprocess.Popen[bytes]] = Future()

        def start_and_wait() -> None:
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

        threading.Thread(target=start_and_wait, name=f"owner of {command[0]}", daemon=True).start()
        self._process = started.result()
        atexit.register(self.stop)

    @property
    def pid(self) -> int:
        """The process id, which is also the id of its session and process group."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process has not ended yet."""
        return self._process.poll() is None

    def signal(self, how: signal.Signals) -> None:
        """Send a signal to the process and to everything it started in its process group."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, how)

    def kill(self) -> None:
        """Kill the process and everything in its process group, and wait for its end."""
        self.signal(signal.SIGKILL)
        self._process.wait()
        atexit.unregister(self.stop)

    def stop(self) -> None:
        """End the process with one signal of ``escalation`` after the other. Does nothing in a
        forked copy of the owner."""
        if os.getpid() != self._owner:
            return
        for how, grace in self._escalation:
            if self.running:
                self._process.send_signal(how)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._process.wait(grace)
        atexit.unregister(self.stop)


def _refuse_missing(program: str, environment: Mapping[str, str] | None) -> None:
    """Raise ``FileNotFoundError`` for a missing program, which the launcher would only log."""
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
    """Open a file that only its owner can read, because a server's log may quote data."""
    return os.open(path, flags, 0o600)
