"""Pure functions that compute how long to wait after a failure."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta

from spool_live.conf import live_settings
from spool_live.retry_after import LONGEST

OUTAGE_MAX = timedelta(seconds=30)
"""The maximum wait while all of Supabase is away. One request in this time does not burden a server
that is starting, and its return is noticed soon."""
ASKED_MAX = timedelta(seconds=LONGEST)
"""How long a ``Retry-After`` header is obeyed at most. A stored wait that ends later than this
allows must have been written before the clock was set back."""


def retry_delay(
    failures: int,
    *,
    asked: float | None = None,
    jitter: Callable[[], float] = random.random,
) -> timedelta:
    """Return how long to wait after ``failures`` failures in a row.

    The wait doubles from ``RETRY_BASE`` to at most ``RETRY_MAX``, and its upper half is random. It
    is at least ``asked`` seconds, if the server asked for that. ``jitter`` returns a number from 0
    to 1.
    """
    settings = live_settings()
    ceiling = min(settings.retry_base * float(2 ** min(failures, 20)), settings.retry_max)
    delay = ceiling * (0.5 + 0.5 * jitter())
    return max(delay, timedelta(seconds=asked or 0))


def outage_delay(failures: int, *, asked: float | None = None) -> timedelta:
    """Return the delay for an outage of all of Supabase: as ``retry_delay``, but at most
    ``OUTAGE_MAX`` unless more was ``asked`` for."""
    return max(min(retry_delay(failures), OUTAGE_MAX), timedelta(seconds=asked or 0))
