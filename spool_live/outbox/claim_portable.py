"""The steps of a claim on databases other than PostgreSQL, by Django's ORM."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from functools import partial

from django.db import connections

from spool_live.conf import live_settings
from spool_live.models import OutboxEntry, Site, SiteDelivery
from spool_live.outbox import coalescing
from spool_live.outbox.entries import ClaimedEntry, kill, read_entries
from spool_live.outbox.lease import (
    DELIVERY_ORDER,
    ROW_BYTES,
    Lease,
    Leased,
    is_free,
    waiting_sites,
)
from spool_live.outbox.site_state import ensure_deliveries


def lease_sites(lease: Lease) -> Leased:
    """Leases the sites whose updates come next, in the transaction of the claim."""
    waiting = waiting_sites(lease.using, lease.now)
    ensure_deliveries(lease.using, waiting)
    states = SiteDelivery.objects.using(lease.using)
    free = states.filter(is_free(lease.now), pk__in=waiting)
    features = connections[lease.using].features
    if features.has_select_for_update:
        # In a fixed order, and past rows that another claim holds: two claims never deadlock.
        locked = free.select_for_update(skip_locked=features.has_select_for_update_skip_locked)
        free = free.filter(pk__in=list(locked.order_by("pk").values_list("pk", flat=True)))
    free.update(lease_token=lease.token, leased_until=lease.until)
    leased = list(states.filter(lease_token=lease.token))
    there = Site.objects.using(lease.using).filter(pk__in=[state.pk for state in leased])
    return Leased.of(leased, set(there.values_list("pk", flat=True)))


def take_entries(lease: Lease, sites: dict[uuid.UUID, SiteDelivery]) -> list[ClaimedEntry]:
    """The next entries of ``sites``, numbered, by site and number, in the same transaction."""
    settings = live_settings()
    pending = OutboxEntry.objects.using(lease.using).filter(
        state=OutboxEntry.State.PENDING, site_id__in=list(sites)
    )
    oldest = pending.exclude(coalescing.is_held(lease.now)).order_by(*DELIVERY_ORDER)
    entries: list[ClaimedEntry] = []
    size = 0
    for entry in read_entries(oldest[: settings.batch_limit], partial(kill, lease.using)):
        size += ROW_BYTES + len(entry.metadata)
        if entries and size > settings.delivery_batch_bytes:
            break
        entries.append(entry)
    _number(lease.using, sites, entries)
    return sorted(entries, key=lambda entry: (entry.site_id.int, entry.seq or 0))


def _number(
    using: str, sites: dict[uuid.UUID, SiteDelivery], entries: Sequence[ClaimedEntry]
) -> None:
    unnumbered = [entry for entry in entries if entry.seq is None]
    for entry in unnumbered:
        site = sites[entry.site_id]
        site.last_seq += 1
        entry.seq = site.last_seq
    raised = [sites[site_id] for site_id in {entry.site_id for entry in unnumbered}]
    SiteDelivery.objects.using(using).bulk_update(raised, ["last_seq"], batch_size=100)
    numbered = [OutboxEntry(pk=entry.pk, seq=entry.seq) for entry in unnumbered]
    OutboxEntry.objects.using(using).bulk_update(numbered, ["seq"], batch_size=100)
