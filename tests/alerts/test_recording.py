"""A process that records an edit evaluates the alerts, outside of its request."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from spool_live.alerts import recording
from spool_live.alerts.recording import AlertWatch
from spool_live.local.processes import wait_until
from spool_live.signals import outbox_committed
from tests.waiting import PATIENCE


def test_edit_does_not_wait_and_many_are_one_look() -> None:
    gate, looks = threading.Event(), []

    def look() -> None:
        gate.wait()
        looks.append(threading.current_thread().name)

    watch = AlertWatch(look, delay=0)
    for now in (100.0, 100.1, 130.0, 159.9):
        watch.edited(now)
    gate.set()
    wait_until(lambda: len(looks) == 1, PATIENCE)
    watch.edited(160.1)
    wait_until(lambda: len(looks) == 2, PATIENCE)
    assert set(looks) == {"spool-alerts"}


def test_error_of_an_evaluation_is_a_log_line(caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> None:
        raise RuntimeError("password=hunter2")

    AlertWatch(fail, delay=0).edited(0.0)
    wait_until(lambda: "alerts were not evaluated: RuntimeError" in caplog.text, PATIENCE)
    assert "hunter2" not in caplog.text


def test_child_process_starts_afresh() -> None:
    looks: list[int] = []
    watch = AlertWatch(lambda: looks.append(1), delay=0)
    watch.edited(0.0)
    watch.after_fork()
    watch.edited(1.0)
    wait_until(lambda: len(looks) == 2, PATIENCE)


def test_every_commit_is_noted_unless_switched_off(
    monkeypatch: pytest.MonkeyPatch, live: Callable[..., None]
) -> None:
    edits: list[float] = []
    watch = AlertWatch(lambda: None, delay=0)
    monkeypatch.setattr(watch, "edited", edits.append)
    monkeypatch.setattr(recording, "watch", watch)
    live(ALERT_ON_EDITS=True)
    outbox_committed.send(sender=None, using="default")
    assert len(edits) == 1
    live(ALERT_ON_EDITS=False)
    outbox_committed.send(sender=None, using="default")
    assert len(edits) == 1
