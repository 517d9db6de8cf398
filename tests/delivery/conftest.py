"""Sites that Supabase knows, a broadcaster that notes its calls, and the signals that were sent."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from django.utils import timezone

from spool_live.broadcasters import MirrorAnswer
from spool_live.broadcasters.memory import MemoryBroadcaster
from spool_live.delivery import DeliveryReport, deliver_pending
from spool_live.exceptions import (
    BroadcastRefused,
)
from spool_live.models import Site, SiteDelivery, SiteMirror
from spool_live.signals import update_died, updates_delivered
from spool_live.updates import Update
from tests.outbox.conftest import Clock

Live = Callable[..., None]
MakeSite = Callable[..., Site]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Stops the clock."""
    clock = Clock()
    monkeypatch.setattr(timezone, "now", clock)
    return clock


@pytest.fixture
def make_site(db: None) -> MakeSite:
    """Makes a site that Supabase has acknowledged."""

    def make() -> Site:
        site = Site.objects.create(name="Courier")
        payload = {"site_id": str(site.pk), "version": 2, "epoch": 1, "deleted": False}
        MemoryBroadcaster().mirror(payload)
        known = {"acknowledged_version": 2, "acknowledged_epoch": 1}
        SiteDelivery.objects.create(site_id=site.pk, **known)
        SiteMirror.objects.filter(pk=site.pk).update(version=2, pending=0)
        return site

    return make


@pytest.fixture
def site(make_site: MakeSite) -> Site:
    return make_site()


class Recording(MemoryBroadcaster):
    """Notes the calls in their order; ``poison`` are update ids that are refused permanently."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Any]] = []
        self.poison: set[uuid.UUID] = set()

    def broadcast(self, updates: Sequence[Update]) -> None:
        self.calls.append(("broadcast", [update.seq for update in updates]))
        if any(update.id in self.poison for update in updates):
            raise BroadcastRefused("22P05: poison")
        super().broadcast(updates)

    def mirror(self, site: Any) -> MirrorAnswer:
        self.calls.append(("mirror", uuid.UUID(site["site_id"])))
        return super().mirror(site)

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.calls]


def deliver(broadcaster: MemoryBroadcaster | None = None) -> DeliveryReport:
    return deliver_pending("default", broadcaster=broadcaster, pause=lambda seconds: None)


def arrived(site: Site) -> list[int]:
    """The numbers that arrived, in the order of arrival."""
    return [update.seq for update in MemoryBroadcaster.updates if update.site_id == site.pk]


class Heard:
    """The signals that were sent."""

    def __init__(self) -> None:
        self.delivered: list[int] = []
        self.died: list[tuple[uuid.UUID, str]] = []


@pytest.fixture
def heard() -> Iterator[Heard]:
    heard = Heard()

    def on_delivered(count: int, using: str, **kwargs: Any) -> None:
        assert using == "default"
        heard.delivered.append(count)

    def on_died(update_id: uuid.UUID, reason: str, using: str, **kwargs: Any) -> None:
        assert using == "default"
        heard.died.append((update_id, reason))

    updates_delivered.connect(on_delivered)
    update_died.connect(on_died)
    yield heard
    updates_delivered.disconnect(on_delivered)
    update_died.disconnect(on_died)
