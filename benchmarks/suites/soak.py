"""The memory of worker and client over many updates (G14): it must not grow with their number."""

from __future__ import annotations

import gc

from django.db import connection

from benchmarks.figures import Figure, resident_megabytes
from benchmarks.rig import Rig
from benchmarks.road import Road, running_road
from spool_live import delivery

ROUND = 20_000
_BACKLOG = """
INSERT INTO live_updates_outbox
  (update_id, site_id, event_type, collection, item_id, slug, timestamp, metadata)
SELECT gen_random_uuid(), %s, 'content.updated', 'stories',
       gen_random_uuid(), 'story-' || n, now(),
       jsonb_build_object('title', 'Story ' || n, 'n', n, 'text', repeat('x', 1050))
FROM generate_series(%s::bigint, %s::bigint) AS n
"""


def run(rig: Rig) -> list[Figure]:
    """Deliver to the local Supabase in this process, while a client follows.

    At scale 1 there are 200,000 updates, at scale 5 the million of the goal. The first round is a
    warm-up.
    """
    rounds = rig.times(10, 2)
    workers, clients = [], []
    with running_road(rig, "Soak", worker=False) as road, road.subscribers("ours", 1) as ask:
        for _ in range(1 + rounds):
            _deliver(road)
            answer = ask(ROUND)
            numbers = [n for n, _ in answer["arrivals"]]
            assert numbers == sorted(set(numbers)), "out of order"
            assert len(numbers) == ROUND, len(numbers)
            gc.collect()
            workers.append(resident_megabytes())
            clients.append(float(answer["megabytes"]))
    total = f"over {rounds * ROUND:,} updates"
    return [
        Figure(f"G14 worker's growth {total}", _growth(workers), "MB", 10, signed=True),
        Figure(f"G14 client's growth {total}", _growth(clients), "MB", 10, signed=True),
    ]


def fill_outbox_of(road: Road, count: int) -> None:
    """Fill the outbox with ``count`` updates of the road's site, 1.4 kB each."""
    numbers = road.numbers(count)
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE live_updates_outbox")
        cursor.execute(_BACKLOG, [road.site.pk, numbers[0], numbers[-1]])
        cursor.execute("VACUUM ANALYZE live_updates_outbox")


def _deliver(road: Road) -> None:
    fill_outbox_of(road, ROUND)
    report = delivery.deliver_pending("default", pause=lambda seconds: None)
    assert report.delivered == ROUND, report


def _growth(sizes: list[float]) -> float:
    return max(sizes[1:]) - sizes[0]
