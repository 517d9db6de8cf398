from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from spool_live import LiveUpdateData, broadcast_update
from spool_live.broadcasters import supabase
from spool_live.models import Site
from spool_live.updates import EventType
from tests.faults.receiver import FaultyReceiver, faulty_receiver


@pytest.fixture
def receiver(live: Callable[..., None]) -> Iterator[FaultyReceiver]:
    """What the official client talks to; it is given up on after five seconds."""
    with faulty_receiver() as server:
        live(
            BROADCASTER="spool_live.broadcasters.supabase.SupabaseBroadcaster",
            SUPABASE_URL=server.url,
            REQUEST_TIMEOUT=5,
        )
        yield server
        for key in [key for key in supabase._clients if server.url in key]:
            supabase._clients.pop(key).postgrest.session.close()


@pytest.fixture
def site(db: None) -> Site:
    return Site.objects.create(name="Courier")


class Clock:
    """What ``timezone.now`` says: it stands still until it is moved."""

    def __init__(self) -> None:
        self.now = timezone.now()

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **by: float) -> None:
        self.now += timedelta(**by)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(timezone, "now", clock)
    return clock


def record(site: Site, count: int = 1, **data: Any) -> None:
    for n in range(count):
        broadcast_update(
            site,
            LiveUpdateData(
                event_type=EventType.UPDATED,
                collection="stories",
                item_id=uuid.uuid4(),
                **{"metadata": {"n": n}, **data},
            ),
        )
