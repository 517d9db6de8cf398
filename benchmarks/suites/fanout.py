"""Commit to callback over the whole road (G10), beside the local Realtime's own leg."""

from __future__ import annotations

import time
from contextlib import ExitStack

import psycopg

from benchmarks.figures import Figure, percentiles
from benchmarks.rig import Rig
from benchmarks.road import Road, latencies, running_road

OFFICIAL_SAMPLE = 5
_FRAMES_PER_SECOND = 4000.0
_SHORTEST_PAUSE = 0.03
_WARM_UP = 5
_INSERT = """
insert into live_updates (site_id, event_type, collection, item_id, metadata)
values (%s, 'content.updated', 'stories', gen_random_uuid(), jsonb_build_object('n', %s::bigint))
"""


def run(rig: Rig) -> list[Figure]:
    """Broadcast mode with 1, 50, 1000 and 3000 subscribers; Postgres Changes with 50."""
    with running_road(rig, "Fan-out") as road:
        return [
            *_case(road, "ours", 1, goal=15, edits=rig.times(60, 10)),
            *_case(road, "ours", 50, goal=20, edits=rig.times(60, 10)),
            *_case(road, "raw", 1000, goal=60, edits=rig.times(30, 6)),
            *_case(road, "raw", 3000, goal=200, edits=rig.times(20, 4)),
            *_postgres_changes(road, 50),
        ]


def _case(road: Road, kind: str, count: int, *, goal: float, edits: int) -> list[Figure]:
    with ExitStack() as stack:
        ask = stack.enter_context(road.subscribers(kind, count))
        ask_official = stack.enter_context(
            road.subscribers("official", min(count, OFFICIAL_SAMPLE))
        )
        pause = max(_SHORTEST_PAUSE, count / _FRAMES_PER_SECOND)
        for batch in (_WARM_UP, edits):
            committed = road.edits(batch, pause)
            arrived = ask(batch * count)["arrivals"]
            official = ask_official(batch * min(count, OFFICIAL_SAMPLE))["arrivals"]
        assert len(arrived) == edits * count, (len(arrived), edits * count)
        whole = latencies(committed, arrived)
    p50, p95 = percentiles(whole, 0.5, 0.95, expected=edits * count)
    leg_p50, leg_p95 = percentiles(
        _own_leg(road, count, edits, pause), 0.5, 0.95, expected=edits * count
    )
    seen = min(count, OFFICIAL_SAMPLE)
    [official_p50] = percentiles(latencies(committed, official), 0.5, expected=edits * seen)
    name = f"commit to callback, {count} subscriber{'s' * (count > 1)}"
    peer = "the local Realtime's own leg"
    return [
        Figure(
            f"G10 {name}, p50",
            p50,
            "ms",
            goal,
            peer,
            leg_p50,
        ),
        Figure(
            f"{name}, p95",
            p95,
            "ms",
            peer=peer,
            peer_value=leg_p95,
        ),
        Figure(
            f"{name}, official clients among them, p50",
            official_p50,
            "ms",
        ),
    ]


def _own_leg(road: Road, count: int, rows: int, pause: float) -> list[float]:
    """From the INSERT into ``live_updates`` to the frame on bare sockets."""
    inserted: dict[int, int] = {}
    with (
        road.subscribers("raw", count) as ask,
        psycopg.connect(road.rig.config.conninfo("postgres"), autocommit=True) as connection,
    ):
        for n in road.numbers(rows):
            time.sleep(pause)
            inserted[n] = time.monotonic_ns()
            connection.execute(_INSERT, (road.site.pk, n))
        arrived = ask(rows * count)["arrivals"]
    assert len(arrived) == rows * count, (len(arrived), rows * count)
    return latencies(inserted, arrived)


def _postgres_changes(road: Road, count: int) -> list[Figure]:
    edits = road.rig.times(40, 10)
    with road.subscribers("raw", count, "postgres_changes") as ask:
        for batch in (_WARM_UP, edits):
            committed = road.edits(batch, _SHORTEST_PAUSE)
            arrived = ask(batch * count)["arrivals"]
    assert len(arrived) == edits * count, (len(arrived), edits * count)
    whole = latencies(committed, arrived)
    name = f"commit to callback, {count} subscribers, postgres_changes"
    p50, p95 = percentiles(whole, 0.5, 0.95, expected=edits * count)
    return [
        Figure(f"{name}, p50", p50, "ms"),
        Figure(f"{name}, p95", p95, "ms"),
    ]
