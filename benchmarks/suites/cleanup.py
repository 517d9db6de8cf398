"""A million expired rows are deleted from the live table while 100 subscribers follow (G13)."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg

from benchmarks.figures import Figure, percentile
from benchmarks.rig import Rig
from benchmarks.road import Road, latencies, running_road

SUBSCRIBERS = 100
_PAUSE = 0.05
_SLICE = 20
_WARM_UP = 20
_FILL = """
insert into public.live_updates
  (id, site_id, event_type, collection, slug, item_id, metadata, seq, inserted_at)
select gen_random_uuid(), %(site)s, 'content.updated', 'stories', 'story-' || n,
       gen_random_uuid(), jsonb_build_object('title', 'Story ' || n, 'text', repeat('x', 100)), n,
       now() - case when n <= %(expired)s then interval '1 day' else interval '0' end
from generate_series(1, %(rows)s) n
"""
_DELETE = "delete from public.live_updates where inserted_at < now() - interval '1 hour'"


@dataclass(frozen=True)
class Watched:
    """Latencies during one phase: milliseconds from commit to callback of every edit at every
    subscriber, and ``(second of the edit, worst subscriber)``."""

    latencies: list[float]
    course: list[tuple[float, float]]
    result: Any

    @property
    def p95(self) -> float:
        return percentile(self.latencies, 0.95)


def run(rig: Rig) -> list[Figure]:
    """Measure spool_live's clean-up, with only insertions published, and one plain DELETE."""
    expired = rig.times(1_000_000, 20_000)
    quiet, ours = _watch(rig, "Cleanup", expired, "insert", _cleaner)
    rig.series["cleanup"] = {"ours": ours.course}
    done = ours.result
    assert done["removed"] == expired, (done, expired)
    naive_quiet, naive = _watch(
        rig, "One DELETE", expired, "insert, update, delete, truncate", _one_delete
    )
    rig.series["cleanup"]["one DELETE"] = naive.course
    growth = done["megabytes"][1] - done["megabytes"][0]
    worst, naive_worst = max(ours.latencies), max(naive.latencies)
    peer = "one DELETE"
    return [
        Figure(
            "G13 latency p95 during cleanup",
            ours.p95 / quiet.p95,
            "x before",
            1.3,
            peer,
            naive.p95 / naive_quiet.p95,
        ),
        Figure("G13 growth of the cleaning process", growth, "MB", 10, signed=True),
        Figure("latency before cleanup, p95", quiet.p95, "ms"),
        Figure("latency during cleanup, p95", ours.p95, "ms", None, peer, naive.p95),
        Figure("latency during cleanup, worst", worst, "ms", None, peer, naive_worst),
        Figure(f"cleanup of {expired:,} rows", done["seconds"], "s", None, peer, naive.result),
    ]


def _watch(
    rig: Rig,
    name: str,
    expired: int,
    publish: str,
    ready: Callable[[Road], AbstractContextManager[Callable[[], Any]]],
) -> tuple[Watched, Watched]:
    """Measure the same edits before the process that is ``ready`` begins, and while it runs."""
    _fill(rig, expired, publish)
    with running_road(rig, name) as road, road.subscribers("raw", SUBSCRIBERS) as ask:
        _follow(road, ask, lambda: False, _WARM_UP)
        before = _follow(road, ask, lambda: False, rig.times(200, 40))
        with ready(road) as act, ThreadPoolExecutor(1) as pool:
            acting = pool.submit(act)
            during = _follow(road, ask, lambda: not acting.done(), _SLICE)
            result = acting.result()
        return Watched(*before, None), Watched(*during, result)


def _follow(
    road: Road, ask: Callable[[int], dict[str, Any]], goes_on: Callable[[], bool], least: int
) -> tuple[list[float], list[tuple[float, float]]]:
    committed: dict[int, int] = {}
    while len(committed) < least or goes_on():
        committed |= road.edits(_SLICE, _PAUSE)
    arrivals = ask(len(committed) * SUBSCRIBERS)["arrivals"]
    assert len(arrivals) == len(committed) * SUBSCRIBERS, (len(arrivals), len(committed))
    worst: dict[int, float] = {}
    for n, at in arrivals:
        worst[n] = max(worst.get(n, 0.0), (at - committed[n]) / 1e6)
    first = min(committed.values())
    course = [(round((at - first) / 1e9, 2), round(worst[n], 1)) for n, at in committed.items()]
    return latencies(committed, arrivals), course


@contextmanager
def _cleaner(road: Road) -> Iterator[Callable[[], dict[str, Any]]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.cleaner"],
        env=road.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin
    assert process.stdout
    output = process.stdout

    def clean_up() -> dict[str, Any]:
        found: dict[str, Any] = json.loads(process.communicate("go\n")[0])
        return found

    try:
        assert output.readline() == "ready\n"
        yield clean_up
    finally:
        process.kill()
        process.wait()


@contextmanager
def _one_delete(road: Road) -> Iterator[Callable[[], float]]:
    with psycopg.connect(road.rig.config.conninfo("postgres"), autocommit=True) as connection:

        def delete() -> float:
            started = time.monotonic()
            connection.execute(_DELETE)
            return time.monotonic() - started

        yield delete


def _fill(rig: Rig, expired: int, publish: str) -> None:
    """Fill the table; a tenth of the rows is fresh. Triggers are off, and nothing is decoded
    yet."""
    from spool_live.models import Site

    archive, _ = Site.objects.get_or_create(name="Archive")
    with psycopg.connect(rig.config.conninfo("supabase_admin"), autocommit=True) as connection:
        connection.execute("set session_replication_role = replica")
        connection.execute(f"alter publication supabase_realtime set (publish = '{publish}')")
        connection.execute("truncate public.live_updates")
        rows = {"site": archive.pk, "expired": expired, "rows": expired * 11 // 10}
        connection.execute(_FILL, rows)
        connection.execute("vacuum analyze public.live_updates")
        connection.execute("checkpoint")
