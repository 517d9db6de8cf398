"""``live_alerts``: once, in a loop, and as a test of the channels."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from spool_live.management.commands import live_alerts
from spool_live.models import AlertEpisode, Heartbeat
from tests.commands.conftest import Run

pytestmark = pytest.mark.django_db(databases="__all__")


@pytest.mark.usefixtures("alive")
def test_nothing_is_wrong(run: Run) -> None:
    outcome = run("live_alerts")
    assert (outcome.code, outcome.out.strip()) == (0, "Nothing is wrong.")
    assert Heartbeat.objects.get(pk="alerts").succeeded_at


def test_what_is_wrong_is_said_and_is_the_exit_code(run: Run) -> None:
    assert run("live_alerts").code == 1
    AlertEpisode.objects.update(found_at=timezone.now() - timedelta(minutes=1))
    outcome = run("live_alerts")
    assert outcome.code == 1
    assert "delivery  stopped" in outcome.out
    assert "Nothing has ever delivered. Is a Celery worker running" in outcome.out
    assert max(map(len, outcome.out.splitlines())) <= 100
    document = run("live_alerts", "--format", "json").rows
    assert document["state"] == "stopped"
    assert {episode["rule"] for episode in document["episodes"]} == {"delivery"}


@pytest.mark.usefixtures("alive")
def test_loop_goes_on_until_interrupted(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr("spool_live.management.commands.live_alerts.time.sleep", pause)
    monkeypatch.setattr(live_alerts, "close_old_connections", lambda: None)
    outcome = run("live_alerts", "--loop", "--interval", "2")
    assert (outcome.code, pauses) == (0, [2.0] * 3)
    assert outcome.out.count("Nothing is wrong.") == 1, "what has not changed is not repeated"


def test_test_notice(run: Run, live: Any) -> None:
    assert run("live_alerts", "--test", "--format", "json").rows == [
        {"channel": "signal", "outcome": "sent"}
    ]
    live(ALERT_WEBHOOK_URL="http://127.0.0.1:1/", ALERT_WEBHOOK_SECRET="whsec_c2VjcmV0")
    outcome = run("live_alerts", "--test")
    assert outcome.code == 1
    assert "connection refused" in outcome.out
