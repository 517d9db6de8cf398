"""A process that runs tests sends no nudge by itself, and status says so."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
from django.test import utils

from spool_live import nudge
from spool_live.alerts import recording
from spool_live.deferred import DeferredWrites
from spool_live.muting import is_muted
from spool_live.signals import outbox_committed
from spool_live.status import determine

Live = Callable[..., None]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What nudger and watch were asked for."""
    asked: list[str] = []
    monkeypatch.setattr(nudge.nudger, "nudge", asked.append)
    monkeypatch.setattr(recording.watch, "edited", lambda now: asked.append("alerts"))
    return asked


@pytest.mark.parametrize(("in_tests", "expected"), [(False, []), (True, ["alerts", "default"])])
def test_nothing_leaves_a_test_unless_a_setting_says_so(
    in_tests: bool, expected: list[str], live: Live, asked: list[str]
) -> None:
    live(NUDGE=True, ALERT_ON_EDITS=True, NUDGE_IN_TESTS=in_tests)
    assert is_muted() is not in_tests
    outbox_committed.send(sender=None, using="default")
    assert sorted(asked) == expected


def test_nothing_is_guessed_elsewhere(
    live: Live, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Django's test tools are imported, as some projects do in production, and not set up."""
    live(NUDGE=True, NUDGE_IN_TESTS=False)
    monkeypatch.delattr(utils._TestState, "saved_data")
    assert not is_muted()
    outbox_committed.send(sender=None, using="default")
    assert asked == ["default"]


@pytest.mark.django_db(databases="__all__")
@pytest.mark.parametrize("in_tests", [False, True])
def test_status_says_muted(in_tests: bool, live: Live) -> None:
    live(NUDGE_IN_TESTS=in_tests)
    said = [problem.reason for problem in determine().problems]
    assert any("muted" in reason for reason in said) is not in_tests


@pytest.mark.parametrize("in_tests", [False, True])
def test_small_writes_wait_in_tests(
    in_tests: bool, live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    live(NUDGE_IN_TESTS=in_tests)
    started: list[bool] = []
    written: list[Mapping[str, int]] = []
    monkeypatch.setattr(DeferredWrites, "_start", lambda self: started.append(True))
    writes: DeferredWrites[str, int] = DeferredWrites(written.append, max)
    writes.add("key", 1)
    assert started == [True] * in_tests
    writes.write_now()
    assert written == [{"key": 1}]
