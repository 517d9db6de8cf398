"""A healthy project, and what tests need to misconfigure it."""

from __future__ import annotations

import http.server
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import connections

from spool_live import doctor, heartbeats
from spool_live.conf import DEFAULT_BROADCASTER, live_settings
from spool_live.doctor import DoctorResult, Surroundings, checks_of, examine
from spool_live.heartbeats import Part
from spool_live.local.config import LocalSupabaseConfig
from spool_live.supabase.databases import content_databases

HERE = "tests.doctor.conftest"


@dataclass
class World:
    """A healthy project, which a seed may misconfigure."""

    settings: Any
    monkeypatch: pytest.MonkeyPatch
    stack: ExitStack
    supabase: LocalSupabaseConfig
    surroundings: Surroundings = field(default_factory=Surroundings)

    def live(self, **keys: Any) -> None:
        """Changes keys of ``SPOOL_LIVE``."""
        self.settings.SPOOL_LIVE = {**django_settings.SPOOL_LIVE, **keys}

    def real(self, **keys: Any) -> None:
        """The broadcaster of production, with these keys changed."""
        self.live(BROADCASTER=DEFAULT_BROADCASTER, **keys)

    def sql(self, *statements: str) -> None:
        """Runs statements on the Supabase database, within the test's transaction."""
        with connections[self.alias].cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    @property
    def alias(self) -> str:
        """The Supabase database."""
        return live_settings().supabase_database

    def answering(self, status: int, body: str, **options: Any) -> str:
        """The address of a server that answers everything alike."""
        return self.stack.enter_context(answering(status, body, **options))

    def diagnose(self, name: str) -> DoctorResult:
        """Carries out a check and returns its result."""
        [one] = [c for c in checks_of() if c.name == name]
        return examine(one, self.surroundings)


@contextmanager
def answering(
    status: int, body: str, *, ahead: float = 0.0, headers: dict[str, str] | None = None
) -> Iterator[str]:
    """A server whose clock is ``ahead`` by so many seconds."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def date_time_string(self, timestamp: float | None = None) -> str:
            return formatdate((timestamp or time.time()) + ahead, usegmt=True)

        def do_GET(self) -> None:
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body.encode())))
            self.end_headers()
            self.wfile.write(body.encode())

        do_POST = do_GET  # noqa: N815 - http.server's name

        def log_message(self, *args: Any) -> None:
            """Logs nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def be_alive() -> None:
    """Record that every part was active just now, without an error."""
    for using in content_databases():
        for part in (Part.WORKER, Part.SWEEP):
            heartbeats.beat(using, part)
        for part in (Part.CLEANUP, Part.ALERTS, Part.VERIFY_RLS, Part.VERIFY_LIVE):
            heartbeats.succeeded(using, part, {"summary": "well"})


@pytest.fixture
def world(
    settings: Any, monkeypatch: pytest.MonkeyPatch, suite_supabase: LocalSupabaseConfig
) -> Iterator[World]:
    """Settings without findings."""
    settings.CELERY_DB_REUSE_MAX = 100
    with ExitStack() as stack:
        world = World(settings, monkeypatch, stack, suite_supabase)
        world.live(ALERT_EMAILS=["ops@example.org"], METRICS_TOKEN="m" * 32)
        yield world


@pytest.fixture
def alive(db: None) -> None:
    """See ``be_alive``."""
    be_alive()


Sow = Callable[[World], None]
__all__ = ["Sow", "World", "doctor"]
