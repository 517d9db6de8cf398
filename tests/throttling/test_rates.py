from __future__ import annotations

from datetime import timedelta

import pytest

from spool_live.exceptions import SpoolLiveConfigurationError
from spool_live.throttling.rates import Rate, penalty


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("600/min", Rate(600, 60)),
        ("5/s", Rate(5, 1)),
        ("7/h", Rate(7, 3600)),
        ("7/hour", Rate(7, 3600)),
        ("100/day", Rate(100, 86400)),
        ("", None),
    ],
)
def test_rate_is_read(text: str, rate: Rate | None) -> None:
    assert Rate.parse(text) == rate


@pytest.mark.parametrize(
    "text", ["600", "0/min", "-1/min", "10/week", "ten/min", "1/min ", "1.5/s"]
)
def test_anything_else_is_no_rate(text: str) -> None:
    with pytest.raises(SpoolLiveConfigurationError, match="is not a rate"):
        Rate.parse(text)


def test_window_and_wait_belong_together() -> None:
    rate = Rate(1, 60)
    assert rate.window(119.5) == 1
    assert rate.wait(119.5) == 0.5
    assert rate.window(119.5 + rate.wait(119.5)) == 2


def test_penalty_doubles_beyond_the_allowance_up_to_its_end() -> None:
    longest = timedelta(seconds=60)
    waits = [penalty(n, allowance=3, longest=longest) for n in range(1, 13)]
    assert waits == [0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert penalty(10**9, allowance=3, longest=longest) == 60
