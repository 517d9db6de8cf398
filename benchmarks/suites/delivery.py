"""How fast a backlog drains (G5): the official client and the whole road, against the receiver."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable

from django.db import connection

from benchmarks.figures import Figure, over_rounds
from benchmarks.rig import Rig
from spool_live import delivery
from spool_live.broadcasters.supabase import SupabaseBroadcaster
from spool_live.models import OutboxEntry, Site
from spool_live.updates import Update

SITES = 20
_BACKLOG = """
INSERT INTO live_updates_outbox
  (update_id, site_id, event_type, collection, item_id, slug, timestamp, metadata)
SELECT gen_random_uuid(), (%s::uuid[])[1 + n %% %s], 'content.updated', 'stories',
       gen_random_uuid(), 'story-' || n, now(),
       jsonb_build_object('title', 'Story ' || n, 'n', n, 'text', repeat('x', 1050))
FROM generate_series(1, %s) AS n
"""


def run(rig: Rig) -> list[Figure]:
    """Measure how backlogs drain, and one request per row for comparison."""
    count = rig.times(20_000, 2_000)
    fill_outbox(10)
    delivery.deliver_pending("default")  # connections, imports
    rounds = [_drain(rig, count) for _ in range(rig.times(5, 3))]
    rate = over_rounds([rate for rate, _ in rounds])
    cpu = over_rounds([cpu for _, cpu in rounds])
    distant = over_rounds([_drain(rig, count, delay_ms=20)[0] for _ in range(rig.times(3))])
    naive = _one_request_a_row(rig, rig.times(500, 100))
    copied = _copied(rig, count)
    return [
        Figure("G5 updates delivered", rate, "/s", 30_000, "one request a row", naive, True),
        Figure("G5 CPU of the worker", cpu, "us/update", 25),
        Figure("G5 at 20 ms round trip", distant, "/s", 15_000, more_is_better=True),
        Figure("limit: COPY out of the outbox", copied, "/s"),
    ]


def fill_outbox(count: int) -> None:
    """Fill the outbox with ``count`` updates of 1.4 kB, over several sites."""
    names = [f"Site {n}" for n in range(SITES)]
    for name in names:
        Site.objects.get_or_create(name=name)
    ids = list(Site.objects.filter(name__in=names).values_list("pk", flat=True))
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE live_updates_outbox")
        cursor.execute(_BACKLOG, [ids, SITES, count])
        cursor.execute("VACUUM ANALYZE live_updates_outbox")


def _drain(rig: Rig, count: int, *, delay_ms: int = 0) -> tuple[float, float]:
    fill_outbox(count)
    rig.reset_receiver(delay_ms=delay_ms)
    cpu, started = _cpu(), time.perf_counter()
    report = delivery.deliver_pending("default", pause=lambda seconds: None)
    elapsed, cpu = time.perf_counter() - started, _cpu() - cpu
    assert report.delivered == count == rig.stats()["rows"], (report, rig.stats()["rows"])
    return count / elapsed, cpu / count * 1e6


def _one_request_a_row(rig: Rig, count: int) -> float:
    fill_outbox(count)
    updates: list[Update] = []
    for n, entry in enumerate(OutboxEntry.objects.all()):
        entry.seq = n
        updates.append(entry.as_update())
    rig.reset_receiver()
    broadcaster = SupabaseBroadcaster()

    def broadcast_each() -> None:
        for update in updates:
            broadcaster.broadcast([update])

    return count / _time(broadcast_each)


def _copied(rig: Rig, count: int) -> float:
    fill_outbox(count)

    def copy() -> None:
        with connection.cursor() as cursor, cursor.copy("COPY live_updates_outbox TO STDOUT") as c:
            for _ in c:
                pass

    return count / _time(copy)


def _time(act: Callable[[], object]) -> float:
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
