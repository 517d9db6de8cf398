"""Sites with waiting entries, and a clock that stands still until it is moved."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from spool_live import outbox
from spool_live.models import OutboxEntry, Site, SiteDelivery, SiteMirror
from spool_live.outbox import Claim, Settlement
from spool_live.updates import EventType, LiveUpdateData

State = OutboxEntry.State


def update(**fields: Any) -> LiveUpdateData:
    """The data of an update of some item."""
    given = {"event_type": EventType.UPDATED, "collection": "articles", **fields}
    return LiveUpdateData(**{"item_id": uuid.uuid4(), **given})


def waiting(site: Site, number: int = 1, **fields: Any) -> list[int]:
    """Records ``number`` updates of ``site``; the primary keys of their entries."""
    using = fields.pop("using", "default")
    for _ in range(number):
        outbox.record([(site.pk, update(**fields))], using=using)
    newest = OutboxEntry.objects.using(using).order_by("-pk").values_list("pk", flat=True)
    return sorted(newest[:number])


def claimed(using: str = "default") -> Claim:
    """A claim that is not none."""
    claim = outbox.claim_batch(using)
    assert claim is not None
    return claim


def delivered(claim: Claim, pks: Iterable[int] | None = None) -> Settlement:
    """The settlement of a claim whose entries (or only some) were all taken."""
    return Settlement(delivered=list(pks or (entry.pk for entry in claim.entries)))


def seqs(site: Site, using: str = "default") -> list[int | None]:
    """The numbers of a site's entries, in the order they were recorded."""
    entries = OutboxEntry.objects.using(using).filter(site_id=site.pk)
    return list(entries.order_by("pk").values_list("seq", flat=True))


def states(site: Site) -> list[str]:
    """The states of a site's entries, in the order they were recorded."""
    entries = OutboxEntry.objects.filter(site_id=site.pk)
    return list(entries.order_by("pk").values_list("state", flat=True))


def delivery(site: Site) -> SiteDelivery:
    """The state of a site's delivery as it is stored."""
    return SiteDelivery.objects.get(pk=site.pk)


MakeSite = Callable[..., Site]


@pytest.fixture
def make_site(db: None) -> MakeSite:
    """Makes a site that Supabase has acknowledged, unless ``acknowledged`` is false."""

    def make(*, acknowledged: bool = True, using: str = "default") -> Site:
        site = Site.objects.using(using).create(name="Courier")
        if acknowledged:
            known = {"acknowledged_version": 9, "acknowledged_epoch": 1}
            SiteDelivery.objects.using(using).create(site_id=site.pk, **known)
            SiteMirror.objects.using(using).filter(pk=site.pk).update(version=9, pending=0)
        return site

    return make


@pytest.fixture
def site(make_site: MakeSite) -> Site:
    return make_site()


class Clock:
    """What ``timezone.now`` returns."""

    def __init__(self) -> None:
        self.now = timezone.now()

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **by: float) -> None:
        """Moves the clock on; takes the keywords of ``timedelta``."""
        self.now += timedelta(**by)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Stops the clock."""
    clock = Clock()
    monkeypatch.setattr(timezone, "now", clock)
    return clock
