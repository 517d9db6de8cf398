"""The counters of delivery: how batches end, how long updates take, what Supabase answers."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from django.utils import timezone

from spool_live import counts, tracing
from spool_live.broadcasters import Broadcaster, CleanupAnswer, MirrorAnswer
from spool_live.conf import live_settings
from spool_live.exceptions import BroadcastError
from spool_live.outbox import Claim, Settlement
from spool_live.updates import Update


class Counted(Broadcaster):
    """A wrapper that counts the calls of a broadcaster, by method and outcome."""

    def __init__(
        self, broadcaster: Broadcaster, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._broadcaster = broadcaster
        self._clock = clock

    def prepare(self) -> None:
        """Prepare the wrapped broadcaster. This makes no request, so nothing is counted."""
        self._broadcaster.prepare()

    def broadcast(self, updates: Sequence[Update]) -> None:
        with self._call("broadcast", len(updates)):
            self._broadcaster.broadcast(updates)

    def mirror(self, site: Mapping[str, Any]) -> MirrorAnswer:
        with self._call("mirror"):
            return self._broadcaster.mirror(site)

    def mirror_many(
        self, sites: Sequence[Mapping[str, Any]]
    ) -> list[MirrorAnswer | BroadcastError]:
        with self._call("mirror_many"):
            return self._broadcaster.mirror_many(sites)

    def cleanup(self, before: datetime, max_rows: int) -> CleanupAnswer:
        with self._call("cleanup"):
            return self._broadcaster.cleanup(before, max_rows)

    def newest_seqs(self, site_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, int]:
        with self._call("newest_seqs"):
            return self._broadcaster.newest_seqs(site_ids)

    @contextmanager
    def _call(self, call: str, updates: int = 0) -> Iterator[None]:
        started, outcome = self._clock(), "ok"
        server = urlsplit(live_settings().supabase_url).hostname or ""
        try:
            with tracing.calling(call, server, updates):
                yield
        except Exception as error:
            outcome = type(error).__name__
            raise
        finally:
            counts.count(counts.REQUESTS, call=call, outcome=outcome)
            counts.observe(counts.REQUEST_SECONDS, [self._clock() - started])


def counted(broadcaster: Broadcaster) -> Broadcaster:
    """Return ``broadcaster`` wrapped in ``Counted``, unless it is already."""
    return broadcaster if isinstance(broadcaster, Counted) else Counted(broadcaster)


def count_batch(claim: Claim, settlement: Settlement) -> None:
    """Count how a batch ended, and how long its updates took from the edit to the delivery."""
    ends = {
        "delivered": len(settlement.delivered),
        "dropped": len(settlement.dropped),
        "dead": len(settlement.dead),
    }
    for outcome, number in ends.items():
        counts.count(counts.UPDATES, number, outcome=outcome)
    if settlement.retry:
        waiting = sum(entry.site_id in settlement.retry for entry in claim.entries)
        counts.count(counts.POSTPONED, waiting)
    if claim.entries:
        counts.observe(counts.BATCH, [len(claim.entries)])
    delivered, now = set(settlement.delivered), timezone.now()
    took = [
        (now - entry.timestamp).total_seconds()
        for entry in claim.entries
        if entry.pk in delivered and entry.timestamp
    ]
    counts.observe(counts.DELIVERY, took)
