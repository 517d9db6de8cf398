"""The lease: which sites a claim may work on, and nobody else until it ends."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connections
from django.db.models import F, Q

from spool_live.backoff import ASKED_MAX
from spool_live.conf import live_settings
from spool_live.models import OutboxEntry, Site, SiteDelivery
from spool_live.outbox import coalescing
from spool_live.outbox.sites import ensure_deliveries
from spool_live.sql import read_sql

DELIVERY_ORDER = (F("seq").asc(nulls_last=True), "id")
"""What has a number goes before what has none, however late a transaction commits: a retry keeps
its place in front of entries with lower ids that were not visible when it was numbered."""


@dataclass(frozen=True, slots=True)
class Lease:
    """What a claim writes on the sites it takes: its token, and until when they are its own."""

    using: str
    token: uuid.UUID
    now: datetime
    until: datetime


def lease_sites(lease: Lease) -> tuple[dict[uuid.UUID, SiteDelivery], frozenset[uuid.UUID]]:
    """Leases the sites whose updates come next; answers their states by site id, and the ids of
    those that do not exist any more.

    To be called in the transaction of the claim: the rows stay locked until it commits.
    """
    connection = connections[lease.using]
    if connection.vendor != "postgresql":
        return _lease_portably(lease)
    farthest_lease, farthest_retry = _farthest(lease.now)
    values = {
        **coalescing.held_parameters(lease.now),
        "token": lease.token,
        "leased_until": lease.until,
        "farthest_lease": farthest_lease,
        "farthest_retry": farthest_retry,
        "limit": live_settings().batch_limit,
    }
    with connection.cursor() as cursor:
        cursor.execute(read_sql("outbox/lease"), values)
        names = [column.name for column in cursor.description[1:]]
        rows = cursor.fetchall()
    states = [SiteDelivery.from_db(lease.using, names, row) for _, *row in rows]
    there = {state.pk for state, (is_there, *_) in zip(states, rows, strict=True) if is_there}
    return _with_orphans(states, there)


def waiting_sites(using: str, now: datetime) -> list[uuid.UUID]:
    """The sites of the updates that come next, oldest first."""
    busy = SiteDelivery.objects.using(using).exclude(is_free(now)).values("site_id")
    pending = OutboxEntry.objects.using(using).filter(state=OutboxEntry.State.PENDING)
    ripe = pending.exclude(coalescing.is_held(now)).exclude(site_id__in=busy)
    oldest = ripe.order_by(*DELIVERY_ORDER).values_list("site_id", flat=True)
    return list(dict.fromkeys(oldest[: live_settings().batch_limit]))


def is_free(now: datetime) -> Q:
    """Condition on ``SiteDelivery``: no lease is held on the site, and no retry waited for."""
    farthest_lease, farthest_retry = _farthest(now)
    leased = Q(leased_until__gt=now, leased_until__lte=farthest_lease)
    waits = Q(retry_at__gt=now, retry_at__lte=farthest_retry)
    return ~leased & ~waits


def _farthest(now: datetime) -> tuple[datetime, datetime]:
    """A lease or a retry further ahead than we ever set one is from before the clock was set
    back, and holds nothing up."""
    settings = live_settings()
    return now + 2 * settings.delivery_lease, now + settings.retry_max + ASKED_MAX


def _lease_portably(
    lease: Lease,
) -> tuple[dict[uuid.UUID, SiteDelivery], frozenset[uuid.UUID]]:
    waiting = waiting_sites(lease.using, lease.now)
    ensure_deliveries(lease.using, waiting)
    states: Any = SiteDelivery.objects.using(lease.using)
    free = states.filter(is_free(lease.now), pk__in=waiting)
    features = connections[lease.using].features
    if features.has_select_for_update:
        # In a fixed order, and past rows that another claim holds: two claims never deadlock.
        locked = free.select_for_update(skip_locked=features.has_select_for_update_skip_locked)
        free = states.filter(pk__in=list(locked.order_by("pk").values_list("pk", flat=True)))
    free.update(lease_token=lease.token, leased_until=lease.until)
    leased = list(states.filter(lease_token=lease.token))
    sites = Site.objects.using(lease.using).filter(pk__in=[state.pk for state in leased])
    return _with_orphans(leased, set(sites.values_list("pk", flat=True)))


def _with_orphans(
    states: Sequence[SiteDelivery], existing: Collection[uuid.UUID]
) -> tuple[dict[uuid.UUID, SiteDelivery], frozenset[uuid.UUID]]:
    orphans = frozenset(s.pk for s in states if s.deleted_at or s.pk not in existing)
    return {state.pk: state for state in states}, orphans
