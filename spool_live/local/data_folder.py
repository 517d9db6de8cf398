"""The state of a PostgreSQL data folder, read from its files."""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path

_STATUS_LINE = 7


class FolderLock:
    """An advisory lock on a folder, which ends when the process that holds it ends."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "lock"
        self._descriptor: int | None = None

    def acquire(self) -> bool:
        """Take the lock; return False if another process has it."""
        descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        """Release the lock, if it is held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


class DataFolder:
    """A data folder, as ``PG_VERSION`` and ``postmaster.pid`` describe it (PostgreSQL manual,
    73.1)."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def major(self) -> int:
        """The major version of the PostgreSQL that wrote the folder."""
        return int((self.path / "PG_VERSION").read_text())

    @property
    def server_pid(self) -> int | None:
        """The pid of the server that runs on the folder, if any; a pid reused by another program
        does not count."""
        lines = self._pid_file()
        if not lines or not _is_alive(int(lines[0])):
            return None
        pid = int(lines[0])
        with contextlib.suppress(OSError):
            if Path(f"/proc/{pid}/cwd").readlink() != self.path.resolve():
                (self.path / "postmaster.pid").unlink()
                return None
        return pid

    @property
    def ready_pid(self) -> int | None:
        """The pid of the server, if it accepts connections."""
        lines = self._pid_file()
        if len(lines) <= _STATUS_LINE or lines[_STATUS_LINE].strip() != "ready":
            return None
        return int(lines[0])

    def _pid_file(self) -> list[str]:
        try:
            return (self.path / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return []


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
