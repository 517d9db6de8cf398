"""Counting requests and failures, and determining how long a client has to wait."""

from __future__ import annotations

import math
from collections.abc import Sequence

from django.core.cache.backends.base import BaseCache

from spool_live.conf import live_settings
from spool_live.throttling.counting import add_one, counters
from spool_live.throttling.rates import Rate, penalty

FAILURES_KEPT = 3600.0
"""Seconds over which failures are counted, at least."""


def count_request(limits: Sequence[tuple[str, Rate | None]], now: float) -> float:
    """Count one request against each ``(name, rate)``; return the seconds to wait, or 0.

    ``now`` is in seconds since the epoch, so that processes and machines count in the same windows.
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
    """Count a failed authentication for each subject (an address); return the seconds to wait.

    The result is 0 where the client was allowed to try; otherwise it tried before its wait was
    over, and has to wait anew. Only failures wait: a valid key from the same address is served.
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
