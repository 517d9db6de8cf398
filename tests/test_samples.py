"""Samples: bounded in number, and what two of them say of the time between."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from spool_live import counts, samples
from spool_live.models import CounterSample

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nothing_counted")]
NOW = timezone.now().replace(second=0, microsecond=0)


def ago(**span: float) -> datetime:
    return NOW - timedelta(**span)


def note(moment: datetime, **levels: float | None) -> None:
    counts.write_now()
    samples.note("default", moment, levels)


def test_slot_is_taken_once() -> None:
    for seconds in (0, 30, 59, 60):
        note(NOW + timedelta(seconds=seconds), pending=seconds)
    assert [s.values["pending"] for s in CounterSample.objects.order_by("slot")] == [0, 60]


def test_one_a_minute_for_a_day_and_one_in_five_for_a_week() -> None:
    moments = [ago(days=8), ago(days=6), *(ago(hours=24, minutes=n) for n in range(30, 0, -1))]
    rows = [CounterSample(slot=int(m.timestamp() // 60), at=m) for m in moments]
    CounterSample.objects.bulk_create(rows)
    note(ago(minutes=1))
    note(NOW)
    ages = [(NOW - at) for at in CounterSample.objects.order_by("at").values_list("at", flat=True)]
    assert ages[0] == timedelta(days=6)
    assert ages[-2:] == [timedelta(minutes=1), timedelta(0)]
    slots = list(CounterSample.objects.order_by("at").values_list("slot", flat=True))
    windows = [slot // samples.SPARSE for slot in slots[1:-2]]
    assert len(set(windows)) == len(windows)
    assert len(windows) in {6, 7}


def test_course_says_what_happened_between_two_samples() -> None:
    counts.count(counts.UPDATES, 1_000, outcome="delivered")
    note(ago(minutes=10))
    counts.count(counts.UPDATES, 60, outcome="delivered")
    counts.count(counts.UPDATES, 7, outcome="dead")
    counts.count(counts.THROTTLED, 4, limit="token")
    counts.count(counts.UNAUTHORIZED, 6, reason="revoked")
    counts.observe(counts.DELIVERY, [0.2] * 100)
    note(ago(minutes=8), pending=3, dead=1, connections=None)
    note(NOW, pending=0)
    first, second = samples.course("default", ago(hours=1), NOW)
    assert (first.delivered, first.throttled, first.unauthorized) == (30, 2, 3)
    assert first.p50 == pytest.approx(0.175)
    assert first.p99 == pytest.approx(0.2485)
    assert (first.pending, first.dead, first.connections) == (3, 1, None)
    assert (second.delivered, second.p50, second.pending) == (0, None, 0)


def test_course_is_no_longer_than_a_chart_shows_and_ends_with_the_newest() -> None:
    rows = [CounterSample(slot=n, at=ago(minutes=n), values={"pending": n}) for n in range(1000)]
    CounterSample.objects.bulk_create(rows)
    points = samples.course("default", ago(days=1), NOW)
    assert samples.MAX_POINTS / 2 < len(points) <= samples.MAX_POINTS
    assert points[-1].at == NOW
    assert samples.course("default", ago(minutes=0.5), NOW) == []
    assert samples.course("default", ago(days=9), ago(days=8)) == []


def test_counters_that_began_anew_count_from_nothing() -> None:
    assert samples.between({"a|": 100.0, "b|": 1.0}, {"a|": 7.0, "b|": 3.0, "c|": 2.0}) == {
        "a|": 7.0,
        "b|": 2.0,
        "c|": 2.0,
    }
