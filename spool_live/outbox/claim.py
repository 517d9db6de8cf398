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
from itertools import groupby

from django.db import connections, transaction
from django.db.models import Q
from django.utils import timezone

from spool_live.conf import live_settings
from spool_live.models import OutboxEntry, Site, SiteDelivery
from spool_live.outbox.sites import ensure_deliveries
from spool_live.updates import metadata_json


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
    entries: list[OutboxEntry]


def claim_batch(using: str) -> Claim | None:
    """The next batch of the outbox on ``using``, or ``None`` where nothing may go now."""
    settings = live_settings()
    now = timezone.now()
    waiting = _waiting_sites(using, now, settings.delivery_batch_size)
    if not waiting:
        return None
    token = uuid.uuid4()
    leased_until = now + settings.delivery_lease
    with transaction.atomic(using=using):
        sites = _lease(using, waiting, token, now, leased_until)
        entries = _next_entries(using, sites)
        _number(using, sites, entries)
    existing = set(Site.objects.using(using).filter(pk__in=sites).values_list("pk", flat=True))
    orphans = frozenset(s.site_id for s in sites.values() if s.deleted_at or s.pk not in existing)
    entries.sort(key=lambda entry: (entry.site_id, entry.seq or 0))
    return Claim(using, token, leased_until, sites, orphans, entries) if sites else None


def is_free(now: datetime) -> Q:
    """Condition on ``SiteDelivery``: no lease is held on the site, and no retry waited for."""
    unleased = Q(leased_until=None) | Q(leased_until__lte=now)
    due = Q(retry_at=None) | Q(retry_at__lte=now)
    return unleased & due


def _waiting_sites(using: str, now: datetime, limit: int) -> list[uuid.UUID]:
    busy = SiteDelivery.objects.using(using).exclude(is_free(now)).values("site_id")
    pending = OutboxEntry.objects.using(using).filter(state=OutboxEntry.State.PENDING)
    oldest = pending.exclude(site_id__in=busy).order_by("id").values_list("site_id", flat=True)
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


def _next_entries(using: str, sites: Iterable[uuid.UUID]) -> list[OutboxEntry]:
    settings = live_settings()
    pending = OutboxEntry.objects.using(using).filter(state=OutboxEntry.State.PENDING)
    entries: list[OutboxEntry] = []
    size = 0
    oldest = pending.filter(site_id__in=list(sites)).order_by("id")
    for entry in oldest[: settings.delivery_batch_size]:
        size += 300 + len(metadata_json(entry.metadata))
        if entries and size > settings.delivery_batch_bytes:
            break
        entries.append(entry)
    return entries


def _number(using: str, sites: dict[uuid.UUID, SiteDelivery], entries: list[OutboxEntry]) -> None:
    unnumbered = sorted((e for e in entries if e.seq is None), key=lambda e: (e.site_id, e.pk))
    for site_id, group in groupby(unnumbered, key=lambda entry: entry.site_id):
        site = sites[site_id]
        for entry in group:
            site.last_seq += 1
            entry.seq = site.last_seq
        SiteDelivery.objects.using(using).filter(pk=site_id).update(last_seq=site.last_seq)
    if unnumbered:
        _store_numbers(using, unnumbered)


def _store_numbers(using: str, entries: list[OutboxEntry]) -> None:
    connection = connections[using]
    if connection.vendor != "postgresql":
        OutboxEntry.objects.using(using).bulk_update(entries, ["seq"], batch_size=100)
        return
    table = connection.ops.quote_name(OutboxEntry._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {table} AS o SET seq = n.seq "  # noqa: S608 - a table name, quoted
            "FROM unnest(%s::bigint[], %s::bigint[]) AS n (id, seq) WHERE o.id = n.id",
            [[entry.pk for entry in entries], [entry.seq for entry in entries]],
        )
