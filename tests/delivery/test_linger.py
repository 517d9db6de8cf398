from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from spool_live import LiveUpdateData, broadcast_update
from spool_live.broadcasters.memory import MemoryBroadcaster
from spool_live.delivery.deliver import deliver_pending, linger
from spool_live.models import Site
from spool_live.updates import EventType


class Time:
    """A clock that only moves while something pauses."""

    def __init__(self) -> None:
        self.now = timezone.now()
        self.pauses: list[float] = []

    def __call__(self) -> datetime:
        return self.now

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    time = Time()
    monkeypatch.setattr(timezone, "now", time)
    return time


@pytest.fixture
def site(db: None) -> Site:
    return Site.objects.create(name="Courier")


def record(site: Site, count: int) -> None:
    for _ in range(count):
        data = LiveUpdateData(
            event_type=EventType.UPDATED, collection="stories", item_id=uuid.uuid4()
        )
        broadcast_update(site, data)


@pytest.mark.parametrize(
    ("size", "last", "seconds"),
    [
        pytest.param(0, 0.0, 0.0, id="nothing"),
        pytest.param(1, 0.08, 0.0, id="single edit"),
        pytest.param(2, 0.0, 0.02, id="a few"),
        pytest.param(60, 0.02, 0.04, id="they keep coming"),
        pytest.param(499, 0.08, 0.08, id="almost full, and no longer wait"),
        pytest.param(500, 0.08, 0.0, id="backlog"),
    ],
)
def test_a_batch_that_may_fill_is_waited_for(
    size: int, last: float, seconds: float, live: Callable[..., None]
) -> None:
    live(DELIVERY_BATCH_SIZE=500, DELIVERY_LINGER=0.02)
    assert linger(size, last) == pytest.approx(seconds)


def test_backlog_leaves_at_the_configured_rate(
    site: Site, time: Time, live: Callable[..., None]
) -> None:
    live(DELIVERY_RATE=10, DELIVERY_LINGER=0)
    record(site, 34)
    began = time.now
    deliver_pending("default", pause=time.pause)
    assert len(MemoryBroadcaster.updates) == 34
    assert time.pauses == pytest.approx([1.0, 1.0, 1.0])
    assert time.now - began == timedelta(seconds=3)


def test_workers_share_the_rate(site: Site, time: Time, live: Callable[..., None]) -> None:
    """Two workers that take turns are not faster than one."""
    live(DELIVERY_RATE=10, DELIVERY_LINGER=0)
    record(site, 40)
    began = time.now

    def pause(seconds: float) -> None:
        time.pause(seconds)
        deliver_pending("default", pause=time.pause)  # the other worker

    deliver_pending("default", pause=pause)
    assert len(MemoryBroadcaster.updates) == 40
    assert time.now - began >= timedelta(seconds=3)


def test_backlog_without_a_rate_leaves_without_a_pause(
    site: Site, live: Callable[..., None]
) -> None:
    live(DELIVERY_BATCH_SIZE=5)
    record(site, 15)
    pauses: list[float] = []
    deliver_pending("default", pause=pauses.append)
    assert pauses == []


def test_what_comes_while_it_lingers_goes_in_one_batch(
    site: Site, live: Callable[..., None]
) -> None:
    record(site, 2)

    def edits(seconds: float) -> None:
        if len(MemoryBroadcaster.updates) == 2:
            record(site, 30)

    report = deliver_pending("default", pause=edits)
    assert report.delivered == 32
