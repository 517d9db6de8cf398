"""Counting requests and failures, and determining how long a caller has to wait."""

from __future__ import annotations

import math
from collections.abc import Sequence

from django.core.cache.backends.base import BaseCache

from spool_live.conf import live_settings
from spool_live.throttling.counting import add_one, counters
from spool_live.throttling.rates import Rate, penalty

FAILURES_KEPT = 3600.0
"""Seconds that failures are counted together, at least."""


def count_request(limits: Sequence[tuple[str, Rate | None]], now: float) -> float:
    """Count one request under each name; return the seconds to wait, 0 where it may go on.

    ``now`` is in seconds since the epoch: processes and machines count in the same windows.
    """

    def count(cache: BaseCache) -> float:
        wait = 0.0
        for name, rate in limits:
            if rate is None:
                continue
            window = f"spool-live:{name}:{rate.window(now)}"
            if add_one(cache, window, 2 * rate.seconds) > rate.limit:
                wait = max(wait, rate.wait(now))
        return wait

    return counters.run(count)


def count_failure(subjects: Sequence[str], now: float) -> float:
    """Count a failed authentication for each subject (an address, a key prefix); return the seconds
    this caller was to wait and have to wait again, 0 where it was allowed to try.

    Only those who fail are kept waiting: a right key from the same address goes on.
    """
    settings = live_settings()
    longest = settings.failure_penalty_max

    def count(cache: BaseCache) -> float:
        wait = 0.0
        for subject in subjects:
            name = f"spool-live:failures:{subject}"
            kept = max(FAILURES_KEPT, 2 * longest.total_seconds())
            failures = add_one(cache, name, kept)
            pause = penalty(failures, allowance=settings.failure_allowance, longest=longest)
            was_waiting = cache.get(f"{name}:until", 0.0) > now
            if pause:
                cache.set(f"{name}:until", now + pause, timeout=math.ceil(pause))
            if was_waiting:
                wait = max(wait, pause)
        return wait

    return counters.run(count)
