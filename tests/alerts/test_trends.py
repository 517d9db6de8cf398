"""Latency compared with the week before, and throttled requests: from stored counters."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from spool_live import counts
from spool_live.alerts.rules import firing
from spool_live.alerts.trends import Trends, trends
from spool_live.conf import LiveSettings
from spool_live.models import CounterSample
from spool_live.samples import note, percentile
from spool_live.status import Activity, Status

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nothing_counted")]
NOW = timezone.now().replace(microsecond=0)


def ago(**span: float) -> datetime:
    return NOW - timedelta(**span)


def took(seconds: float, number: int) -> None:
    counts.observe(counts.DELIVERY, [seconds] * number)
    counts.write_now()


def throttled(number: int, limit: str = "token") -> None:
    counts.count(counts.THROTTLED, number, limit=limit)
    counts.write_now()


def note_sample(moment: datetime) -> None:
    note("default", moment, {})


def rules(found: Trends, **settings: Any) -> list[str]:
    return [alert.rule for alert in firing(Status(NOW), [], found, LiveSettings(**settings))]


class TestLatency:
    def test_of_the_last_minutes_against_the_week_before(self) -> None:
        note_sample(ago(days=6))
        took(0.2, 1000)
        note_sample(ago(minutes=20))
        took(8.0, 50)
        found = trends("default", NOW)
        assert found.week_p95 == pytest.approx(0.2425)
        assert found.recent_p95 == pytest.approx(9.75)
        assert rules(found) == ["latency"]
        assert rules(found, alert_latency_factor=0) == []

    def test_as_fast_as_ever_is_no_alert(self) -> None:
        note_sample(ago(days=6))
        took(8.0, 1000)
        note_sample(ago(minutes=20))
        took(8.0, 50)
        assert rules(trends("default", NOW)) == []

    def test_few_updates_say_nothing(self) -> None:
        note_sample(ago(days=6))
        took(0.2, 1000)
        note_sample(ago(minutes=20))
        took(8.0, 19)
        assert trends("default", NOW).recent_p95 is None

    def test_new_installation_has_no_week(self) -> None:
        note_sample(ago(minutes=20))
        took(8.0, 50)
        assert trends("default", NOW).week_p95 is None

    def test_below_a_second_is_never_slow(self) -> None:
        assert rules(Trends(recent_p95=0.9, week_p95=0.05)) == []
        assert rules(Trends(recent_p95=1.0, week_p95=0.05)) == ["latency"]

    def test_beyond_the_last_bucket_is_at_least_its_bound(self) -> None:
        bucket = 'spool_live_delivery_seconds_bucket|{"le": "+Inf"}'
        assert percentile({bucket: 100}, 0.95) == 300


class TestThrottling:
    def test_what_was_refused_within_the_hour(self) -> None:
        throttled(5_000)
        note_sample(ago(hours=3))
        note_sample(ago(minutes=61))
        throttled(900)
        throttled(200, "address")
        found = trends("default", NOW)
        assert found.throttled == {"token": 900, "address": 200}
        [alert] = firing(Status(NOW), [], found, LiveSettings())
        assert alert.rule == "throttled"
        assert "1,100 requests" in alert.summary
        assert "the limit token (900)" in alert.summary
        assert rules(found, alert_throttled=0) == rules(found, alert_throttled=1_101) == []

    def test_first_look_of_all_says_nothing(self) -> None:
        throttled(5_000)
        assert trends("default", NOW).throttled == {}

    def test_table_that_was_emptied_has_counted_from_nothing(self) -> None:
        throttled(5_000)
        note_sample(ago(minutes=61))
        CounterSample.objects.update(
            values={'spool_live_throttled_requests|{"limit": "token"}': 9e9}
        )
        assert trends("default", NOW).throttled == {"token": 5_000}


def connected(number: object, age: float = 1) -> Status:
    part = Activity("default", "realtime", NOW - timedelta(seconds=age), None, None, None, "",
                    {"connections": number})  # fmt: skip
    return Status(NOW, parts=(part,))


def test_connections_are_an_alert_where_a_number_is_set() -> None:
    settings = LiveSettings(alert_connections=160)
    [alert] = firing(connected(160), [], Trends(), settings)
    assert (alert.rule, "160 clients" in alert.summary) == ("connections", True)
    assert firing(connected(159), [], Trends(), settings) == []
    assert firing(connected(None), [], Trends(), settings) == []
    assert firing(connected(500, age=600), [], Trends(), settings) == []
    assert firing(connected(500), [], Trends(), LiveSettings()) == []
