"""The wait after a failure: pure functions."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta

from spool_live.conf import live_settings
from spool_live.retry_after import LONGEST

OUTAGE_MAX = timedelta(seconds=30)
"""While all of Supabase is away one request in this time is not pressure, and it is noticed soon
when it comes back."""
ASKED_MAX = timedelta(seconds=LONGEST)
"""How long a Retry-After header is obeyed at most; a wait that ends later than we ever set one is
known to be from before the clock was set back."""


def retry_delay(
    failures: int,
    *,
    asked: float | None = None,
    jitter: Callable[[], float] = random.random,
) -> timedelta:
    """Return how long to wait after ``failures`` failures in a row: doubling, capped, the upper
    half of it random; at least ``asked`` seconds where the receiver said so."""
    settings = live_settings()
    ceiling = min(settings.retry_base * float(2 ** min(failures, 20)), settings.retry_max)
    delay = ceiling * (0.5 + 0.5 * jitter())
    return max(delay, timedelta(seconds=asked or 0))


def outage_delay(failures: int, *, asked: float | None = None) -> timedelta:
    """Return the delay, as ``retry_delay`` does, for an outage that concerns every site
    alike."""
    return max(min(retry_delay(failures), OUTAGE_MAX), timedelta(seconds=asked or 0))
