"""Claiming: take a lease on sites, take their oldest entries, number them. One short transaction.

The lease is on the site, not on the entry: a site has one worker at a time, so its updates keep
their order, and different workers help each other with different sites. The site's row stays
locked until the claim commits, so a number is never visible after a higher one, and a key change
is either seen by the claim or commits after it.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connections, transaction
from django.db.models import F, Model, Q
from django.utils import timezone

from spool_live.backoff import ASKED_MAX
from spool_live.conf import live_settings
from spool_live.models import OutboxEntry, Site, SiteDelivery
from spool_live.outbox import circuit, coalescing
from spool_live.outbox.entries import ClaimedEntry, read_entries
from spool_live.outbox.sites import ensure_deliveries

DELIVERY_ORDER = (F("seq").asc(nulls_last=True), "id")
"""What has a number goes before what has none, however late a transaction commits: a retry keeps
its place in front of entries with lower ids that were not visible when it was numbered."""
ROW_BYTES = 300
"""About what an update takes on the wire beside its metadata."""


@dataclass(frozen=True)
class Claim:
    """A lease on some sites and their next entries, in the order of delivery.

    ``sites`` are the delivery states as they were when claimed, ``orphans`` the ids of leased
    sites that do not exist any more: their entries are to be dropped.
    """

    using: str
    token: uuid.UUID
    leased_until: datetime
    sites: dict[uuid.UUID, SiteDelivery]
    orphans: frozenset[uuid.UUID]
    entries: list[ClaimedEntry]
    outage: int = 0
    """How often Supabase has failed in a row: more than 0 makes this batch the trial."""


def claim_batch(using: str) -> Claim | None:
    """The next batch of the outbox on ``using``, or ``None`` where nothing may go now."""
    now = timezone.now()
    waiting = _waiting_sites(using, now, live_settings().batch_limit)
    outage = circuit.enter(using, now) if waiting else None
    if outage is None:
        return None
    token = uuid.uuid4()
    leased_until = now + live_settings().delivery_lease
    with transaction.atomic(using=using):
        sites = _lease(using, waiting, token, now, leased_until)
        entries = _next_entries(using, sites, now)
        entries = coalescing.coalesce_waiting(using, entries, sites, now)
        _number(using, sites, entries)
    if not sites:
        return None
    existing = set(Site.objects.using(using).filter(pk__in=sites).values_list("pk", flat=True))
    orphans = frozenset(s.site_id for s in sites.values() if s.deleted_at or s.pk not in existing)
    return Claim(using, token, leased_until, sites, orphans, _by_site(entries), outage)


def is_free(now: datetime) -> Q:
    """Condition on ``SiteDelivery``: no lease is held on the site, and no retry waited for.

    A moment further ahead than we ever set one is from before the clock was set back.
    """
    settings = live_settings()
    farthest_lease = now + 2 * settings.delivery_lease
    leased = Q(leased_until__gt=now, leased_until__lte=farthest_lease)
    waits = Q(retry_at__gt=now, retry_at__lte=now + settings.retry_max + ASKED_MAX)
    return ~leased & ~waits


def _waiting_sites(using: str, now: datetime, limit: int) -> list[uuid.UUID]:
    busy = SiteDelivery.objects.using(using).exclude(is_free(now)).values("site_id")
    pending = OutboxEntry.objects.using(using).filter(state=OutboxEntry.State.PENDING)
    ripe = pending.exclude(coalescing.is_held(now)).exclude(site_id__in=busy)
    oldest = ripe.order_by(*DELIVERY_ORDER).values_list("site_id", flat=True)
    waiting = list(dict.fromkeys(oldest[:limit]))
    ensure_deliveries(using, waiting)
    return waiting


def _lease(
    using: str,
    site_ids: Sequence[uuid.UUID],
    token: uuid.UUID,
    now: datetime,
    leased_until: datetime,
) -> dict[uuid.UUID, SiteDelivery]:
    free = SiteDelivery.objects.using(using).filter(is_free(now), pk__in=site_ids)
    features = connections[using].features
    if features.has_select_for_update:
        # In a fixed order, and past rows that another claim holds: two claims never deadlock.
        locked = free.select_for_update(skip_locked=features.has_select_for_update_skip_locked)
        free = free.filter(pk__in=list(locked.order_by("pk").values_list("pk", flat=True)))
    free.update(lease_token=token, leased_until=leased_until)
    return SiteDelivery.objects.using(using).filter(lease_token=token).in_bulk()


def _next_entries(using: str, sites: Iterable[uuid.UUID], now: datetime) -> list[ClaimedEntry]:
    settings = live_settings()
    pending = OutboxEntry.objects.using(using).filter(
        state=OutboxEntry.State.PENDING, site_id__in=list(sites)
    )
    oldest = pending.exclude(coalescing.is_held(now)).order_by(*DELIVERY_ORDER)
    entries: list[ClaimedEntry] = []
    size = 0
    for entry in read_entries(oldest[: settings.batch_limit]):
        size += ROW_BYTES + len(entry.metadata)
        if entries and size > settings.delivery_batch_bytes:
            break
        entries.append(entry)
    return entries


def _number(using: str, sites: dict[uuid.UUID, SiteDelivery], entries: list[ClaimedEntry]) -> None:
    unnumbered = [entry for entry in entries if entry.seq is None]
    for entry in unnumbered:
        site = sites[entry.site_id]
        site.last_seq += 1
        entry.seq = site.last_seq
    if unnumbered:
        raised = {entry.site_id: sites[entry.site_id].last_seq for entry in unnumbered}
        _store_column(using, SiteDelivery, "last_seq", raised)
        _store_column(using, OutboxEntry, "seq", {entry.pk: entry.seq for entry in unnumbered})


def _store_column(using: str, model: type[Model], column: str, values: dict[Any, Any]) -> None:
    """Sets a bigint column of the rows whose primary keys are the keys of ``values``."""
    if connections[using].vendor != "postgresql":
        rows = [model(pk=pk, **{column: value}) for pk, value in values.items()]
        model._base_manager.using(using).bulk_update(rows, [column], batch_size=100)
        return
    table, pk = model._meta.db_table, model._meta.pk
    key_type = pk.db_type(connections[using])
    with connections[using].cursor() as cursor:
        cursor.execute(
            f"UPDATE {table} AS t SET {column} = n.value "  # noqa: S608 - names of our own models
            f"FROM unnest(%s::{key_type}[], %s::bigint[]) AS n (key, value) "
            f"WHERE t.{pk.column} = n.key",
            [list(values), list(values.values())],
        )


def _by_site(entries: Iterable[ClaimedEntry]) -> list[ClaimedEntry]:
    return sorted(entries, key=lambda entry: (entry.site_id.int, entry.seq or 0))
