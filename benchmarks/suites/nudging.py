"""From commit to Supabase through Celery: latency (G7), the editor's wait (G8), sharing two cores
with a producer (G6)."""

from __future__ import annotations

import itertools
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median

from django.db import connection, transaction
from django.test.utils import override_settings

from benchmarks.figures import Figure, over_rounds, percentiles, ratio_over_rounds
from benchmarks.newsroom.models import EnqueuedStory, LiveStory
from benchmarks.newsroom.peers import _enqueue
from benchmarks.rig import Rig, running_worker
from spool_live.local.processes import wait_until
from spool_live.models import OutboxEntry, Site
from spool_live.nudge import Nudger, nudger
from spool_live.outbox.record import notify_committed

PAUSE = 0.025
_WARM_UP = 20
_numbers = itertools.count(1)
"""A counter that numbers every edit of this process, across measurements."""


def run(rig: Rig) -> list[Figure]:
    """Run all measurements with one Celery worker of one process."""
    edits, rounds = rig.times(4000, 500), rig.times(5, 2)
    watched = rig.times(300, 60)
    with running_worker(), _nudging():
        # First: the vacuum after the producers would slow down single edits.
        latency = _latencies(rig, watched)
        waits = _waits(rig.times(500, 100))
        naive = _naive_waits(rig.times(300, 60))
    alone = [_produce(rig, edits) for _ in range(rounds)]
    _settle_down(rig)
    with running_worker(), _nudging():
        beside = [_produce_and_wait(rig, edits) for _ in range(rounds)]
    hanging = _waits_with_a_hanging_broker(rig.times(500, 100))
    p50, p95 = percentiles(latency, 0.5, 0.95, expected=watched)
    return [
        Figure("G7 commit to request, p50", p50, "ms", 4),
        Figure("G7 commit to request, p95", p95, "ms", 6),
        Figure(
            "G8 editor blocked after commit", median(waits), "ms", 0.05, "task.delay", median(naive)
        ),
        Figure("G8 with a broker that hangs", median(hanging), "ms", 0.05),
        Figure(
            "G6 producer with worker, of producer alone",
            ratio_over_rounds([100 * rate for rate in beside], alone),
            "%",
            75,
            more_is_better=True,
        ),
        Figure("producer alone", over_rounds(alone), "/s"),
    ]


def _is_all_delivered() -> bool:
    return not OutboxEntry.objects.filter(state="pending").exists()


def _settle_down(rig: Rig) -> None:
    rig.reset_receiver()
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE live_updates_outbox")


def _story() -> LiveStory:
    site, _ = Site.objects.get_or_create(name="Bench")
    return LiveStory.objects.create(
        site=site, title="Story", slug="story", summary="s" * 200, body="b" * 1000
    )


@contextmanager
def _nudging() -> Iterator[None]:
    from django.conf import settings

    with override_settings(SPOOL_LIVE={**settings.SPOOL_LIVE, "NUDGE": True}):
        yield


def _latencies(rig: Rig, edits: int) -> list[float]:
    """Return the milliseconds from each commit to the request with its update, if it arrived."""
    _settle_down(rig)
    story = _story()
    committed: dict[str, int] = {}
    for n in range(-_WARM_UP, edits):
        story.views = next(_numbers)
        with transaction.atomic():
            story.save()
        if n >= 0:
            committed[str(story.views)] = time.monotonic_ns()
        time.sleep(PAUSE)
    wait_until(lambda: committed.keys() <= rig.stats()["seen"].keys(), 60)
    seen = rig.stats()["seen"]
    return [(seen[n] - at) / 1e6 for n, at in committed.items()]


def _produce(rig: Rig, edits: int) -> float:
    _settle_down(rig)
    story = _story()
    started = time.perf_counter()
    for n in range(edits):
        story.views = n
        with transaction.atomic():
            story.save()
    return edits / (time.perf_counter() - started)


def _produce_and_wait(rig: Rig, edits: int) -> float:
    wait_until(_is_all_delivered, 60)
    _settle_down(rig)
    story = _story()
    started = time.monotonic_ns()
    for n in range(edits):
        story.views = n
        with transaction.atomic():
            story.save()
    last: int = rig.wait_for_rows(edits + 1)["last_ns"]
    return edits / ((last - started) / 1e9)


def _waits(edits: int) -> list[float]:
    waits = []
    for _ in range(edits):
        started = time.perf_counter()
        notify_committed("default")
        waits.append((time.perf_counter() - started) * 1e3)
        time.sleep(0.002)
    return waits


def _naive_waits(edits: int) -> list[float]:
    from benchmarks.celery import nothing

    story = EnqueuedStory(site=_story().site, title="x", slug="x", summary="", body="")
    _enqueue(story)
    waits = []
    for n in range(edits):
        started = time.perf_counter()
        nothing.delay(n)
        waits.append((time.perf_counter() - started) * 1e3)
        time.sleep(0.002)
    return waits


def _waits_with_a_hanging_broker(edits: int) -> list[float]:
    """Run a broker that accepts connections and never answers."""
    silent = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def hang(using: str) -> None:
        with socket.create_connection(silent.getsockname()) as asked:
            asked.settimeout(0.1)
            while not stop.is_set():
                try:
                    asked.recv(1)
                except TimeoutError:
                    continue

    stuck = Nudger(hang)
    before, nudger._send = nudger._send, stuck._send  # noqa: SLF001
    try:
        with _nudging():
            return _waits(edits)
    finally:
        stop.set()
        nudger._send = before  # noqa: SLF001
        silent.close()
