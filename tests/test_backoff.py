from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from spool_live import backoff


def test_delay_doubles_up_to_the_cap(live: Callable[..., None]) -> None:
    live(RETRY_BASE=2, RETRY_MAX=60)
    delays = [backoff.retry_delay(n, jitter=lambda: 1.0).total_seconds() for n in range(8)]
    assert delays == [2, 4, 8, 16, 32, 60, 60, 60]


def test_half_of_the_delay_is_random(live: Callable[..., None]) -> None:
    live(RETRY_BASE=2)
    assert backoff.retry_delay(0, jitter=lambda: 0.0) == timedelta(seconds=1)


def test_what_was_asked_for_is_the_least(live: Callable[..., None]) -> None:
    assert backoff.retry_delay(0, asked=90) == timedelta(seconds=90)
    assert backoff.outage_delay(0, asked=90) == timedelta(seconds=90)


def test_outage_is_looked_into_every_half_minute() -> None:
    assert backoff.outage_delay(50) <= backoff.OUTAGE_MAX
