"""A real PostgreSQL as a child process: everything it writes is inside one folder."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from spool_live.local.binaries import BIN_VARIABLE, PostgresBinaries, find_postgres
from spool_live.local.data_folder import DataFolder, FolderLock
from spool_live.local.exceptions import PostgresError
from spool_live.local.identity import (
    ProcessIdentity,
    choose_identity,
    hand_over,
    may_enter,
    reachable_binaries,
)
from spool_live.local.processes import ChildProcess, PortTakenError, free_port, listen

_LONGEST_SOCKET_PATH = 107
_READY_WITHIN = 60.0
_PREVIOUS_STOPS_WITHIN = 8.0
_FAST_THEN_IMMEDIATE_SHUTDOWN = (
    (signal.SIGINT, 8.0),
    (signal.SIGQUIT, 4.0),
    (signal.SIGKILL, 4.0),
)

_SETTINGS: Mapping[str, str] = {
    "fsync": "off",  # development data; a killed process loses nothing, only a crashed machine
    "synchronous_commit": "on",  # off would make logical decoding wait for the WAL writer
    "wal_level": "logical",
    "max_connections": "100",
    "max_wal_senders": "20",
    "max_replication_slots": "20",
    "max_slot_wal_keep_size": "1GB",
    "shared_buffers": "32MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "password_encryption": "scram-sha-256",
}


class EmbeddedPostgres:
    """A PostgreSQL server in ``state_dir``, reached over 127.0.0.1 only.

    The first ``start`` initialises it with the superuser ``superuser``. On Linux it stops when this
    process ends, however that ends. Port 0 stands for any free one. ``settings`` override the
    server's configuration; ``binaries`` and ``identity`` override what would be found. It is a
    plain PostgreSQL, also for tests, until ``spool_live.local.bootstrap.bootstrap`` makes it
    Supabase's.
    """

    host = "127.0.0.1"

    def __init__(
        self,
        state_dir: Path,
        *,
        port: int,
        password: str,
        superuser: str = "supabase_admin",
        database: str = "postgres",
        settings: Mapping[str, str] | None = None,
        binaries: PostgresBinaries | None = None,
        identity: ProcessIdentity | None = None,
    ) -> None:
        self.state_dir = state_dir.absolute()
        self.data_dir = self.state_dir / "postgres"
        self.log_file = self.state_dir / "postgres.log"
        self.port = port or free_port()
        self.superuser = superuser
        self.database = database
        self._password = password
        self._settings = dict(settings or {})
        self._binaries = binaries
        self._identity = identity
        self._lock = FolderLock(self.state_dir)
        self._process: ChildProcess | None = None

    def conninfo(self, role: str | None = None, database: str | None = None) -> str:
        """Return the libpq URI for ``role`` (default: the superuser). It has the password: do not
        log it."""
        user, password = quote(role or self.superuser), quote(self._password, safe="")
        name = quote(database or self.database)
        return f"postgresql://{user}:{password}@{self.host}:{self.port}/{name}"

    def start(self) -> None:
        """Initialise the data folder if need be, start the server, and return when it answers.

        Raises ``PostgresError`` (the port is in use; the folder is in use, of another version or
        not accessible; the server died) and ``PostgresNotFoundError``.
        """
        if self._process is not None:
            raise PostgresError("this PostgreSQL is already running")
        identity = self._identity or choose_identity()
        self._prepare_folder(identity)
        if not self._lock.acquire():
            raise PostgresError(
                f"another process runs a PostgreSQL in {self.state_dir}: stop it, or choose another"
                " state folder"
            )
        try:
            self._start_as(identity)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Shut the server down, if it is running: fast, or by force if it hangs."""
        if self._process is not None:
            self._process.stop()
            self._process = None
        self._lock.release()

    @property
    def running(self) -> bool:
        """Whether the server process is alive."""
        return self._process is not None and self._process.running

    def when_ended(self, callback: Callable[[], None]) -> None:
        """Call ``callback``, in another thread, when the server ends for whatever reason."""
        if self._process is None:
            raise PostgresError("this PostgreSQL is not running")
        self._process.ended.add_done_callback(lambda _: callback())

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _start_as(self, identity: ProcessIdentity) -> None:
        binaries = self._binaries or find_postgres()
        if identity is ProcessIdentity.NOBODY:
            copies = self.state_dir / "programs"
            binaries = reachable_binaries(binaries, copies, identity.owner)
        if not self.data_dir.exists():
            self._initialise(binaries, identity)
        self._refuse_other_version(binaries)
        hand_over(self.data_dir, identity.owner)
        self._wait_for_previous_server()
        self._refuse_taken_port()
        self._process = self._spawn(binaries, identity)
        self._wait_until_ready(self._process)

    def _prepare_folder(self, identity: ProcessIdentity) -> None:
        self.state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        if identity is not ProcessIdentity.NOBODY:
            return
        self.state_dir.chmod(0o711)
        if not may_enter(self.state_dir, identity.owner):
            raise PostgresError(
                f"{self.state_dir} is below a folder that only root may enter, and PostgreSQL has"
                f" to run as uid {identity.owner} here: choose a state folder elsewhere, for"
                " example below /var/tmp"
            )

    def _initialise(self, binaries: PostgresBinaries, identity: ProcessIdentity) -> None:
        """Run ``initdb`` in a temporary folder, then rename that, so that it is whole or
        missing."""
        unfinished = self.state_dir / "postgres.new"
        password_file = self.state_dir / "initdb.password"
        arguments = [
            f"--pgdata={unfinished}",
            f"--username={self.superuser}",
            f"--pwfile={password_file}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
        ]
        if binaries.major >= 17:  # noqa: PLR2004  the release that brought the builtin provider
            arguments += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        elif sys.platform == "linux":
            arguments += ["--lc-ctype=C.UTF-8"]
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        try:
            password_file.touch(mode=0o600)
            password_file.write_text(self._password)
            for path in (unfinished, password_file):
                hand_over(path, identity.owner)
            done = subprocess.run(  # noqa: S603  our own list, no shell
                identity.command(binaries.initdb, *arguments),
                env=_clean_environment(),
                cwd=self.state_dir,
                capture_output=True,
                text=True,
                check=False,
            )
        finally:
            password_file.unlink(missing_ok=True)
        if done.returncode != 0:
            raise PostgresError(f"initdb failed: {done.stderr.strip()[-1000:]}")
        unfinished.rename(self.data_dir)

    def _refuse_other_version(self, binaries: PostgresBinaries) -> None:
        written_by = DataFolder(self.data_dir).major
        if written_by != binaries.major:
            raise PostgresError(
                f"{self.data_dir} was written by PostgreSQL {written_by}, but {binaries.bin_dir}"
                f" holds PostgreSQL {binaries.major}: delete that folder (its data is lost) or set"
                f" {BIN_VARIABLE} to a PostgreSQL {written_by}"
            )

    def _wait_for_previous_server(self) -> None:
        """Wait for the end of the last server: it outlives a ``kill -9`` of its owner briefly."""
        deadline = time.monotonic() + _PREVIOUS_STOPS_WITHIN
        while (pid := DataFolder(self.data_dir).server_pid) is not None:
            if time.monotonic() > deadline:
                raise PostgresError(
                    f"another PostgreSQL (process {pid}) is running in {self.data_dir}: stop it, or"
                    " choose another state folder"
                )
            time.sleep(0.05)

    def _refuse_taken_port(self) -> None:
        try:
            listen(self.port).close()
        except PortTakenError as error:
            raise PostgresError(
                f"port {self.port} on {self.host} is in use: stop what listens there, or choose"
                " another database port"
            ) from error

    def _spawn(self, binaries: PostgresBinaries, identity: ProcessIdentity) -> ChildProcess:
        sockets = str(self.data_dir)
        longest = f"{sockets}/.s.PGSQL.{self.port}.lock"
        settings = {
            **_SETTINGS,
            **self._settings,
            "listen_addresses": self.host,
            "port": str(self.port),
            "unix_socket_directories": sockets if len(longest) <= _LONGEST_SOCKET_PATH else "",
        }
        options = [f"--{name}={value}" for name, value in settings.items()]
        command = identity.command(binaries.postgres, "-D", str(self.data_dir), *options)
        return ChildProcess(
            command,
            log_file=self.log_file,
            environment=_clean_environment(),
            folder=self.state_dir,
            escalation=_FAST_THEN_IMMEDIATE_SHUTDOWN,
            orphan_signal=None,  # the identity's command has the launcher already
        )

    def _wait_until_ready(self, process: ChildProcess) -> None:
        deadline = time.monotonic() + _READY_WITHIN
        while DataFolder(self.data_dir).ready_pid != process.pid:
            if not process.running or time.monotonic() > deadline:
                tail = self.log_file.read_text(errors="replace").strip()[-1000:]
                raise PostgresError(f"PostgreSQL did not start; {self.log_file} ends with:\n{tail}")
            time.sleep(0.005)


def _clean_environment() -> dict[str, str]:
    """Return the server's environment, without the caller's ``PGDATA``, ``PGPORT``, ``LC_*`` and
    ``TZ``."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}
