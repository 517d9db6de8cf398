"""The steps of a claim on databases other than PostgreSQL, by Django's ORM."""

from __future__ import annotations

import random
import uuid
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from itertools import zip_longest

from django.db import connections
from django.db.models import F

from spool_live.conf import live_settings
from spool_live.models import OutboxEntry, Site, SiteDelivery, SiteMirror
from spool_live.outbox import coalescing
from spool_live.outbox.entries import ClaimedEntry, kill, read_entries
from spool_live.outbox.lease import DELIVERY_ORDER, ROW_BYTES, ClaimedSite, Lease, is_free
from spool_live.outbox.site_state import ensure_deliveries, is_behind

MOST_SITES = 100
"""Sites of one claim: each costs a query."""


def waiting_sites(using: str, now: datetime) -> list[uuid.UUID]:
    """Sites that have something that may go now, any of them where there are many."""
    busy = SiteDelivery.objects.using(using).exclude(is_free(now)).values("site_id")
    pending = OutboxEntry.objects.using(using).filter(state=OutboxEntry.State.PENDING)
    ripe = pending.exclude(coalescing.is_held(now)).exclude(site_id__in=busy)
    found = list(ripe.order_by().values_list("site_id", flat=True).distinct())
    return random.sample(found, min(len(found), MOST_SITES))


def claim_in_steps(lease: Lease) -> tuple[list[ClaimedSite], list[ClaimedEntry]]:
    """Leases sites and takes and numbers their next entries, in the transaction of the claim."""
    leased = _lease(lease)
    coalescing.coalesce_waiting(lease.using, leased, lease.now)
    entries = _take(lease, leased)
    return _sites(lease.using, leased), entries


def _lease(lease: Lease) -> list[uuid.UUID]:
    waiting = [lease.alone] if lease.alone else waiting_sites(lease.using, lease.now)
    if not waiting:
        return []
    ensure_deliveries(lease.using, waiting)
    states = SiteDelivery.objects.using(lease.using)
    free = states.filter(is_free(lease.now), pk__in=waiting)
    features = connections[lease.using].features
    if features.has_select_for_update:
        # In a fixed order, and past rows that another claim holds: two claims never deadlock.
        locked = free.select_for_update(skip_locked=features.has_select_for_update_skip_locked)
        free = free.filter(pk__in=list(locked.order_by("pk").values_list("pk", flat=True)))
    free.update(lease_token=lease.token, leased_until=lease.until)
    return list(states.filter(lease_token=lease.token).values_list("pk", flat=True))


def _take(lease: Lease, leased: Sequence[uuid.UUID]) -> list[ClaimedEntry]:
    """The next entries, numbered, by site and number. The sites take turns, entry by entry, so that
    the backlog of one costs the others little."""
    settings = live_settings()
    pending = OutboxEntry.objects.using(lease.using).filter(state=OutboxEntry.State.PENDING)
    ripe = pending.exclude(coalescing.is_held(lease.now)).order_by(*DELIVERY_ORDER)
    share = min(settings.batch_limit, 1 + 4 * settings.batch_limit // max(1, len(leased)))
    unreadable = partial(kill, lease.using)
    queues = [read_entries(ripe.filter(site_id=one)[:share], unreadable) for one in leased]
    in_turn = (entry for turn in zip_longest(*queues) for entry in turn if entry is not None)
    entries: list[ClaimedEntry] = []
    size = 0
    for entry in in_turn:
        size += ROW_BYTES + len(entry.metadata)
        if entries and size > settings.delivery_batch_bytes:
            break
        entries.append(entry)
        if len(entries) == settings.batch_limit:
            break
    _number(lease.using, entries)
    return sorted(entries, key=lambda entry: (entry.site_id.int, entry.seq or 0))


def _number(using: str, entries: Sequence[ClaimedEntry]) -> None:
    unnumbered: dict[uuid.UUID, list[ClaimedEntry]] = {}
    for entry in entries:
        if entry.seq is None:
            unnumbered.setdefault(entry.site_id, []).append(entry)
    states = SiteDelivery.objects.using(using)
    for site_id in sorted(unnumbered):
        fresh = sorted(unnumbered[site_id], key=lambda entry: entry.pk)
        states.filter(pk=site_id).update(last_seq=F("last_seq") + len(fresh))
        last = states.values_list("last_seq", flat=True).get(pk=site_id)
        for place, entry in enumerate(fresh):
            entry.seq = last - len(fresh) + 1 + place
    numbered = [OutboxEntry(pk=e.pk, seq=e.seq) for fresh in unnumbered.values() for e in fresh]
    OutboxEntry.objects.using(using).bulk_update(numbered, ["seq"], batch_size=100)


def _sites(using: str, leased: Sequence[uuid.UUID]) -> list[ClaimedSite]:
    """Read once the entries are taken: a change of keys that was committed before one of them is
    seen here, so that it goes first."""
    there = set(Site.objects.using(using).filter(pk__in=leased).values_list("pk", flat=True))
    mirrors = SiteMirror.objects.using(using).in_bulk(leased)
    return [
        ClaimedSite(
            site_id=state.pk,
            failures=state.failures,
            is_gone=bool(
                state.deleted_at
                or state.pk not in there
                or (state.pk in mirrors and mirrors[state.pk].deleted_at)
            ),
            is_behind=is_behind(mirrors.get(state.pk), state),
        )
        for state in SiteDelivery.objects.using(using).filter(pk__in=leased)
    ]
