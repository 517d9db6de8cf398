"""Heartbeats of processes that read their clocks at the same time, or whose clock was set back."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from spool_live import heartbeats
from spool_live.models import Heartbeat

pytestmark = pytest.mark.django_db
PART = heartbeats.Part.VERIFY_RLS
HOUR = timedelta(hours=1)
A_MOMENT = timedelta(milliseconds=1)


def at(monkeypatch: pytest.MonkeyPatch, moment: datetime) -> None:
    monkeypatch.setattr(timezone, "now", lambda: moment)


def test_who_looked_at_the_clock_before_the_other_wrote_has_no_claim(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = timezone.now()
    at(monkeypatch, now)
    assert heartbeats.claim("default", PART, HOUR)
    at(monkeypatch, now - A_MOMENT)
    assert not heartbeats.claim("default", PART, HOUR)


def test_clock_that_was_set_back_does_not_prevent_claims(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = timezone.now()
    at(monkeypatch, now)
    assert heartbeats.claim("default", PART, HOUR)
    at(monkeypatch, now - timedelta(days=1))
    assert heartbeats.claim("default", PART, HOUR)


@pytest.mark.parametrize(("before", "starts_anew"), [(A_MOMENT, False), (timedelta(days=1), True)])
def test_beats_that_overlap_are_no_new_start(
    monkeypatch: pytest.MonkeyPatch, before: timedelta, starts_anew: bool
) -> None:
    now = timezone.now()
    began = now - timedelta(minutes=5)
    worker = heartbeats.Part.WORKER
    Heartbeat.objects.create(part=worker, at=now, active_since=began)
    at(monkeypatch, now - before)
    heartbeats.succeeded("default", worker)
    since = Heartbeat.objects.get(part=worker).active_since
    assert since == (now - before if starts_anew else began)
