"""The lease: which sites a claim may work on, and nobody else until it ends."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import F, Q

from spool_live.backoff import ASKED_MAX
from spool_live.conf import live_settings
from spool_live.models import OutboxEntry, SiteDelivery
from spool_live.outbox import coalescing
from spool_live.sql import read_sql

DELIVERY_ORDER = (F("seq").asc(nulls_last=True), "id")
"""What has a number goes before what has none, however late a transaction commits: a retry keeps
its place in front of entries with lower ids that were not visible when it was numbered."""
ROW_BYTES = 300
"""About what an update takes on the wire beside its metadata."""


@dataclass(frozen=True, slots=True)
class Lease:
    """What a claim writes on the sites it takes: its token, and until when they are its own."""

    using: str
    token: uuid.UUID
    now: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Leased:
    """The states of the sites that were leased, and the ids of those that exist no more."""

    sites: dict[uuid.UUID, SiteDelivery]
    orphans: frozenset[uuid.UUID]

    @classmethod
    def of(cls, states: Sequence[SiteDelivery], existing: Collection[uuid.UUID]) -> Leased:
        """``states``, of which only the sites ``existing`` are there."""
        orphans = frozenset(s.pk for s in states if s.deleted_at or s.pk not in existing)
        return cls({state.pk: state for state in states}, orphans)


def is_free(now: datetime) -> Q:
    """Condition on ``SiteDelivery``: no lease is held on the site, and no retry waited for."""
    farthest_lease, farthest_retry = farthest(now)
    leased = Q(leased_until__gt=now, leased_until__lte=farthest_lease)
    waits = Q(retry_at__gt=now, retry_at__lte=farthest_retry)
    return ~leased & ~waits


def farthest(now: datetime) -> tuple[datetime, datetime]:
    """Where a lease and a retry end at the latest: what is further ahead is from before the clock
    was set back, and holds nothing up."""
    settings = live_settings()
    return now + 2 * settings.delivery_lease, now + settings.retry_max + ASKED_MAX


def waiting_sites(using: str, now: datetime) -> list[uuid.UUID]:
    """The sites of the updates that come next, oldest first."""
    busy = SiteDelivery.objects.using(using).exclude(is_free(now)).values("site_id")
    pending = OutboxEntry.objects.using(using).filter(state=OutboxEntry.State.PENDING)
    ripe = pending.exclude(coalescing.is_held(now)).exclude(site_id__in=busy)
    oldest = ripe.order_by(*DELIVERY_ORDER).values_list("site_id", flat=True)
    return list(dict.fromkeys(oldest[: live_settings().batch_limit]))


def statement(name: str) -> str:
    """SQL of the outbox for PostgreSQL. Without a window in which updates wait for others it is
    much cheaper to plan."""
    held = read_sql("outbox/held") if any(coalescing.windows().values()) else ""
    return read_sql(f"outbox/{name}").replace("{held}", held)
