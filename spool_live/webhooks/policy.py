"""How long to wait before a retry, and when to give up. No I/O."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

SPREAD = 0.2
"""The random share of a wait: messages that failed together are not all retried together."""
FREE_FAILURES = 1
"""Failures in a row after which an endpoint does not rest yet: the message may be the cause."""
LONGEST_REST = timedelta(minutes=1)
"""How long an endpoint rests at most, unless its receiver asks for more."""


def retry_delay(
    attempts: int,
    schedule: Sequence[timedelta],
    *,
    retry_after: float | None = None,
    jitter: Callable[[], float] = random.random,
) -> timedelta | None:
    """Return how long a message waits after ``attempts`` failures, ``None`` to give it up.

    It waits at least ``retry_after`` seconds, if the receiver asked for these.
    """
    if attempts > len(schedule):
        return None
    delay = schedule[attempts - 1] * (1 + SPREAD * jitter())
    return max(delay, timedelta(seconds=retry_after or 0))


def rest(
    failures: int,
    *,
    retry_after: float | None = None,
    jitter: Callable[[], float] = random.random,
) -> timedelta:
    """Return how long an endpoint rests after so many ``failures`` in a row.

    Not at all after ``FREE_FAILURES``, then 1 s and twice as long each time, up to
    ``LONGEST_REST``; at least ``retry_after`` seconds, if the receiver asked for these.
    """
    wait = timedelta(0)
    if failures > FREE_FAILURES:
        doubled = timedelta(seconds=2.0 ** min(failures - FREE_FAILURES - 1, 10))
        wait = min(doubled, LONGEST_REST) * (1 - SPREAD * jitter())
    return max(wait, timedelta(seconds=retry_after or 0))


def is_given_up(failing_since: datetime | None, now: datetime, after: timedelta) -> bool:
    """Return whether to disable an endpoint: it has only failed, for at least ``after``."""
    return failing_since is not None and now - failing_since >= after
