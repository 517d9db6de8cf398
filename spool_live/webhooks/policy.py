"""How long to wait, and when to give up: pure."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

SPREAD = 0.2
"""Of a wait, at random: what failed together is not tried again together."""
SPARED = 1
"""Failures in a row after which an endpoint goes on at once: they may be the messages' own."""
LONGEST_REST = timedelta(minutes=1)


def retry_delay(
    attempts: int,
    schedule: Sequence[timedelta],
    *,
    asked: float | None = None,
    jitter: Callable[[], float] = random.random,
) -> timedelta | None:
    """Return how long a message waits after ``attempts`` failed ones; ``None`` where it is given
    up. At least ``asked`` seconds where the receiver said so."""
    if attempts > len(schedule):
        return None
    delay = schedule[attempts - 1] * (1 + SPREAD * jitter())
    return max(delay, timedelta(seconds=asked or 0))


def rest(
    failures: int,
    *,
    asked: float | None = None,
    jitter: Callable[[], float] = random.random,
) -> timedelta:
    """Return how long an endpoint is left alone after ``failures`` in a row: not at all at first,
    then 1 s and twice as long each time, up to a minute; at least ``asked`` seconds."""
    wait = timedelta(0)
    if failures > SPARED:
        doubled = timedelta(seconds=2.0 ** min(failures - SPARED - 1, 10))
        wait = min(doubled, LONGEST_REST) * (1 - SPREAD * jitter())
    return max(wait, timedelta(seconds=asked or 0))


def is_given_up(failing_since: datetime | None, now: datetime, after: timedelta) -> bool:
    """Return whether an endpoint that has done nothing but fail since then is to be disabled."""
    return failing_since is not None and now - failing_since >= after
