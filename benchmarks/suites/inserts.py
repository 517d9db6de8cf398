"""The local Supabase under a load of inserts, and when a committed edit has become a row."""

from __future__ import annotations

import time

import psycopg
from psycopg.types.json import Jsonb

from benchmarks.figures import Figure, over_rounds, percentiles
from benchmarks.rig import Rig
from benchmarks.road import Road, running_road
from benchmarks.suites.soak import fill_outbox_of
from spool_live import delivery
from spool_live.broadcasters.supabase import SupabaseBroadcaster
from spool_live.models import OutboxEntry

_PAUSE = 0.03
_WARM_UP = 10
_COPY = "COPY live_updates (site_id, event_type, collection, slug, item_id, metadata) FROM STDIN"
_COMMITTED_AT = """
select (metadata->>'n')::bigint,
       extract(epoch from pg_xact_commit_timestamp(xmin))::float8
from live_updates where site_id = %s and (metadata->>'n')::bigint = any(%s)
"""


def run(rig: Rig) -> list[Figure]:
    """Measure rows per second into ``live_updates`` with its triggers, while one subscriber
    follows."""
    count = rig.times(10_000, 2_000)
    with running_road(rig, "Inserts") as road:
        with road.subscribers("raw", 1):
            naive = over_rounds([_one_request_a_row(road, rig.times(300, 100)) for _ in range(3)])
            ours = over_rounds([_ours(road, count) for _ in range(3)])
            copied = over_rounds([_copied(road, count) for _ in range(3)])
        rows = _commit_to_row(road, rig.times(100, 20))
    p50, p95 = percentiles(rows, 0.5, 0.95, expected=rig.times(100, 20))
    return [
        Figure("inserts through the local Supabase", ours, "/s", None, "one request a row", naive),
        Figure("limit: COPY into live_updates", copied, "/s"),
        Figure("commit to row in live_updates, p50", p50, "ms"),
        Figure("commit to row in live_updates, p95", p95, "ms"),
    ]


def _ours(road: Road, count: int) -> float:
    fill_outbox_of(road, count)
    started = time.perf_counter()
    report = delivery.deliver_pending("default", pause=lambda seconds: None)
    assert report.delivered == count, report
    return count / (time.perf_counter() - started)


def _one_request_a_row(road: Road, count: int) -> float:
    fill_outbox_of(road, count)
    updates = []
    for entry in OutboxEntry.objects.all():
        entry.seq = -entry.pk  # none that a delivery would give
        updates.append(entry.as_update())
    broadcaster = SupabaseBroadcaster()
    started = time.perf_counter()
    for update in updates:
        broadcaster.broadcast([update])
    return count / (time.perf_counter() - started)


def _copied(road: Road, count: int) -> float:
    fill_outbox_of(road, count)
    rows = [
        (
            e.site_id,
            e.event_type,
            e.collection,
            e.slug,
            e.item_id,
            Jsonb(e.metadata),
        )
        for e in OutboxEntry.objects.all()
    ]
    with psycopg.connect(road.rig.config.conninfo("postgres")) as connection:
        started = time.perf_counter()
        with connection.cursor().copy(_COPY) as copy:
            for row in rows:
                copy.write_row(row)
        connection.commit()
        return count / (time.perf_counter() - started)


def _commit_to_row(road: Road, edits: int) -> list[float]:
    """By PostgreSQL's own record of the commit that brought the row (same machine, same clock)."""
    ahead = time.time() - time.monotonic()
    with road.subscribers("raw", 1) as ask:
        for batch in (_WARM_UP, edits):
            committed = road.edits(batch, _PAUSE)
            ask(batch)
    with psycopg.connect(road.rig.config.conninfo("postgres")) as connection:
        found = connection.execute(_COMMITTED_AT, (road.site.pk, list(committed))).fetchall()
    assert len(found) == edits, (len(found), edits)
    return [(at - ahead - committed[n] / 1e9) * 1000 for n, at in found]
