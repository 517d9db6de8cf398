"""The client's timing."""

from __future__ import annotations

import pytest

from spool_live.client.policy import (
    Timing,
    backoff,
    jittered,
    poll_interval,
    refresh_in,
    refused_delay,
    retry_delay,
)

TIMING = Timing()


def test_backoff_ceiling_doubles_from_one_second_to_thirty() -> None:
    ceilings = [backoff(attempt, TIMING, lambda: 1.0) for attempt in range(1, 8)]
    assert ceilings == [1, 2, 4, 8, 16, 30, 30]


def test_backoff_has_full_jitter() -> None:
    assert backoff(3, TIMING, lambda: 0.0) == 0
    assert backoff(3, TIMING, lambda: 0.5) == 2


def test_backoff_of_a_very_long_outage_is_finite() -> None:
    assert backoff(100_000, TIMING, lambda: 1.0) == 30


def test_retry_waits_at_least_as_long_as_the_server_asked() -> None:
    assert retry_delay(1, 60, TIMING, lambda: 0.0) == 60
    assert retry_delay(1, 60, TIMING, lambda: 1.0) == 66
    assert retry_delay(6, 1, TIMING, lambda: 1.0) == 30
    assert retry_delay(1, None, TIMING, lambda: 0.5) == 0.5


def test_refused_joins_become_rare_and_never_end() -> None:
    longest = [refused_delay(n, TIMING, lambda: 1.0) for n in (1, 2, 3, 7, 100_000)]
    assert longest == [1, 2, 4, 60, 60]
    assert refused_delay(100_000, TIMING, lambda: 0.0) == 30


def test_polling_becomes_polite() -> None:
    intervals = [poll_interval(idle, TIMING, lambda: 0.5) for idle in (0, 1, 2, 10, 1000)]
    assert intervals == [2, 3, 4.5, 30, 30]


def test_polls_of_a_crowd_spread_out() -> None:
    assert poll_interval(0, TIMING, lambda: 0.0) == 1
    assert poll_interval(0, TIMING, lambda: 1.0) == 3


@pytest.mark.parametrize(("rand", "expected"), [(0.0, 48), (0.5, 60), (1.0, 72)])
def test_jitter_is_a_fifth(rand: float, expected: float) -> None:
    assert jittered(60, lambda: rand) == pytest.approx(expected)


def test_token_is_refreshed_at_three_quarters_of_its_life() -> None:
    assert refresh_in(600, TIMING) == 450
