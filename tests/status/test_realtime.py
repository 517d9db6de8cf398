"""What the Supabase database shows of Realtime, and which problems follow."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from spool_live import heartbeats, status
from spool_live.conf import live_settings
from spool_live.models import Heartbeat
from spool_live.sql import read_sql
from spool_live.status import connections as connected
from spool_live.status import realtime
from spool_live.status.connections import (
    ConnectionsUnknownError,
    ask_connections,
    count_connections,
)
from spool_live.status.realtime import (
    Realtime,
    Slots,
    observe_realtime,
    realtime_notices,
    realtime_problems,
)
from spool_live.status.snapshot import bounded

WELL = Slots(is_read=True, slots=2, max_slots=20, lost=None, held_back=None)
NOW = timezone.now()


class TestJudging:
    def test_all_is_well(self) -> None:
        assert realtime_problems(Realtime(slots=WELL), NOW) == []

    def test_nothing_seen_is_nothing_wrong(self) -> None:
        assert realtime_problems(Realtime(), NOW) == []
        assert realtime_notices(Realtime()) == []

    def test_invalidated_slot_is_a_failure(self) -> None:
        lost = replace(WELL, lost="supabase_realtime_slot")
        [problem] = realtime_problems(Realtime(slots=lost), NOW)
        assert (problem.kind, problem.state) == ("realtime", "failing")
        assert "supabase_realtime_slot" in problem.reason
        [later] = realtime_problems(Realtime(slots=lost), NOW + timedelta(minutes=5))
        assert later.since == NOW
        assert realtime_problems(Realtime(slots=WELL), NOW) == []

    def test_no_slot_left_is_a_failure_only_where_none_reads(self) -> None:
        full = replace(WELL, slots=20)
        assert realtime_problems(Realtime(slots=full), NOW) == []
        [problem] = realtime_problems(Realtime(slots=replace(full, is_read=False)), NOW)
        assert "All 20 replication slots are taken" in problem.reason

    def test_missing_partition_and_held_back_wal_are_notices(self) -> None:
        held = replace(WELL, held_back=3 << 30)
        notices = realtime_notices(Realtime(lacks_partition=True, slots=held))
        assert ["no partition" in notices[0], "3.0 GiB" in notices[1]] == [True, True]


@pytest.mark.django_db(transaction=True, databases="__all__")
class TestSeeing:
    def test_slot_without_a_reader_is_seen(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(realtime, "MUCH_WAL", 1)
        alias = live_settings().supabase_database
        with unread_slot(alias):
            seen = observe_realtime(bounded)
            assert seen.slots is not None
            assert seen.slots.slots >= 1
            assert seen.slots.max_slots >= seen.slots.slots
            assert seen.slots.held_back is not None
            assert seen.slots.held_back > 0
            assert any("holds back" in notice for notice in status.determine().notices)

    @pytest.mark.usefixtures("suite_supabase")
    def test_slot_that_is_read_is_seen(self) -> None:
        slots = observe_realtime(bounded).slots
        assert slots is not None
        assert slots.is_read is True

    def test_database_that_does_not_answer_hides_it_and_nothing_else(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(realtime, "read_sql", lambda name: "select nonsense")
        assert observe_realtime(bounded) == Realtime()


@contextmanager
def unread_slot(alias: str) -> Iterator[None]:
    with connections[alias].cursor() as cursor:
        cursor.execute("select pg_create_logical_replication_slot('spool_test_unread', 'pgoutput')")
        cursor.execute("create table public.spool_test_wal as select generate_series(1, 1000)")
    try:
        yield
    finally:
        with connections[alias].cursor() as cursor:
            cursor.execute("drop table public.spool_test_wal")
            cursor.execute("select pg_drop_replication_slot('spool_test_unread')")


Live = Callable[..., None]
METRICS = """# TYPE realtime_connections_connected gauge
realtime_connections_connected{tenant="one"} 12
realtime_connections_connected{tenant="two"} 3.0
realtime_connections_connected_cluster{tenant="two"} 900
"""


@pytest.fixture
def metrics() -> Iterator[Any]:
    """Realtime's own metrics, and what was sent for them."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kept.asked.append(self.headers.get("authorization"))
            self.send_response(kept.code)
            self.end_headers()
            self.wfile.write(kept.text.encode())

        def log_message(self, *args: Any) -> None:
            """Logs nothing."""

    class Kept:
        code, text = 200, METRICS
        asked: list[str | None]
        url: str

    kept = Kept()
    kept.asked = []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    kept.url = f"http://127.0.0.1:{server.server_port}/metrics"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield kept
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.django_db(databases="__all__")
class TestConnections:
    def test_metrics_say_how_many(self, live: Live, metrics: Any) -> None:
        live(REALTIME_METRICS_URL=metrics.url, REALTIME_METRICS_TOKEN="s3cret")
        assert count_connections() == 15
        assert metrics.asked == ["Bearer s3cret"]

    def test_they_are_asked_now_and_then_and_kept(self, live: Live, metrics: Any) -> None:
        live(REALTIME_METRICS_URL=metrics.url)
        for _ in range(3):
            ask_connections()
        assert len(metrics.asked) == 1
        [part] = [p for p in status.determine().parts if p.part == "realtime"]
        assert status.connections_of(part, timezone.now()) == 15
        assert status.connections_of(part, timezone.now() + timedelta(hours=1)) is None

    @pytest.mark.parametrize(
        ("code", "text"), [(403, ""), (200, "nothing"), (200, "realtime_connections_connected x")]
    )
    def test_invalid_answer_does_not_count_as_zero(
        self, live: Live, metrics: Any, code: int, text: str
    ) -> None:
        live(REALTIME_METRICS_URL=metrics.url)
        metrics.code, metrics.text = code, text
        with pytest.raises(ConnectionsUnknownError):
            count_connections()
        ask_connections()
        part = Heartbeat.objects.get(part=heartbeats.Part.REALTIME)
        assert (part.failures, part.detail) == (1, {})

    def test_number_is_unknown_without_a_source(self, live: Live) -> None:
        live(REALTIME_MODE="broadcast")
        assert count_connections() is None
        ask_connections()
        assert not Heartbeat.objects.filter(part=heartbeats.Part.REALTIME).exists()

    def test_subscriptions_say_it_in_the_other_mode(
        self, live: Live, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        live(REALTIME_MODE="postgres_changes")
        real = read_sql("status/subscriptions")
        rows = "(values ('a'), ('a'), ('b')) as subscription(subscription_id)"
        monkeypatch.setattr(
            connected, "read_sql", lambda name: real.replace("realtime.subscription", rows)
        )
        assert count_connections() == 2
