from __future__ import annotations

from collections.abc import Callable

import pytest

from spool_live.local.realtime.rates import Rate


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def seconds_above(clock: Clock) -> Callable[..., list[int]]:
    """At which of the next 70 seconds a rate of 100 a second is exceeded, after such a burst."""

    def measure(burst: int) -> list[int]:
        rate = Rate(100.0, 5.0, clock)
        rate.count(burst)
        above = []
        for second in range(70):
            if rate.exceeded:
                above.append(second)
            clock.now += 1
        return above

    return measure


@pytest.mark.parametrize(
    ("burst", "first", "last"),
    [
        (500, None, None),
        (1500, 5, 14),  # recorded: 1500 rows; lost until second 13, not in second 14
        (2500, 5, 24),  # recorded: 2500 joins; refused in second 24, not in second 27
        (3000, 5, 29),  # recorded: 1500 broadcasts, one receiver; lost until second 28
        (9000, 5, 64),
    ],
)
def test_burst_passes_and_what_follows_pays_until_the_average_is_below_the_limit(
    seconds_above: Callable[..., list[int]], burst: int, first: int | None, last: int | None
) -> None:
    above = seconds_above(burst)
    assert above == ([] if first is None or last is None else list(range(first, last + 1)))


def test_minute_without_events_forgets_everything(clock: Clock) -> None:
    rate = Rate(1.0, 5.0, clock)
    rate.count(1_000_000)
    clock.now += 5
    assert rate.exceeded
    clock.now += 3600
    assert not rate.exceeded


def test_without_limit_nothing_is_too_much(clock: Clock) -> None:
    rate = Rate(None, 5.0, clock)
    rate.count(1_000_000)
    clock.now += 5
    assert not rate.exceeded
