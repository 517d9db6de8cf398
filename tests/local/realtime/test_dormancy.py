from __future__ import annotations

import pytest

from spool_live.local.realtime.dormancy import Dormancy


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def after_absence(seconds: float, *, faithful: bool = True) -> Dormancy:
    clock = Clock()
    dormancy = Dormancy(faithful=faithful, long=60.0, clock=clock)
    dormancy.database_returned()
    assert not dormancy.broadcasts_lost
    dormancy.database_left()
    clock.now = seconds
    dormancy.database_returned()
    return dormancy


@pytest.mark.parametrize(("seconds", "changes_lost"), [(1, False), (30, False), (150, True)])
def test_restart_loses_broadcasts_and_a_long_one_changes_too(
    seconds: float, changes_lost: bool
) -> None:
    dormancy = after_absence(seconds)
    assert (dormancy.broadcasts_lost, dormancy.changes_lost) == (True, changes_lost)


def test_waking_brings_both_back() -> None:
    dormancy = after_absence(150)
    dormancy.wake()
    assert (dormancy.broadcasts_lost, dormancy.changes_lost) == (False, False)


def test_unless_asked_for_everything_comes_back_by_itself() -> None:
    dormancy = after_absence(150, faithful=False)
    assert (dormancy.broadcasts_lost, dormancy.changes_lost) == (False, False)
