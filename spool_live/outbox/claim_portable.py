"""The steps of a claim on databases other than PostgreSQL, written with Django's ORM."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from itertools import zip_longest

from django.db import connections
from django.db.models import F, QuerySet

from spool_live.conf import live_settings
from spool_live.models import OutboxEntry, Site, SiteDelivery, SiteMirror
from spool_live.outbox import coalescing
from spool_live.outbox.entries import ClaimedEntry, kill, read_entries
from spool_live.outbox.lease import DELIVERY_ORDER, FEW, ROW_BYTES, ClaimedSite, Lease, is_free
from spool_live.outbox.site_state import ensure_deliveries, is_behind
from spool_live.sql import read_sql

MAX_SITES = 100
"""Maximum of sites in one claim: each costs a query."""


def is_ready(using: str, now: datetime) -> bool:
    """Return whether any site has something that may be delivered now."""
    free = _free_sites(using, now)
    return _ripe(using, now).filter(site_id__in=free).exists()


def claim_in_steps(lease: Lease) -> tuple[list[ClaimedSite], list[ClaimedEntry]]:
    """Lease sites, then take and number their next entries.

    To be called inside the claim's transaction.
    """
    leased = _lease(lease)
    coalescing.coalesce_waiting(lease.using, leased, lease.now)
    entries = _take(lease, leased)
    taken = sorted({entry.site_id for entry in entries})
    states = SiteDelivery.objects.using(lease.using).filter(lease_token=lease.token)
    if len(taken) < len(leased):
        states.exclude(pk__in=taken).update(lease_token=None, leased_until=None)
    return _sites(lease.using, taken), entries


def _free_sites(using: str, now: datetime) -> list[uuid.UUID]:
    """Return the ids of sites with pending entries that are not leased and wait for no retry."""
    if connections[using].features.supports_partial_indexes:
        with connections[using].cursor() as cursor:
            cursor.execute(read_sql("outbox/waiting_sites"))
            waiting = [uuid.UUID(str(site_id)) for (site_id,) in cursor.fetchall()]
    else:  # without the partial index that SQL would read the whole table at each step
        pending = OutboxEntry.objects.using(using).filter(state=OutboxEntry.State.PENDING)
        waiting = list(pending.order_by().values_list("site_id", flat=True).distinct())
    states = SiteDelivery.objects.using(using).exclude(is_free(now))
    busy = set(states.values_list("pk", flat=True))
    return [site_id for site_id in waiting if site_id not in busy]


def _ripe(using: str, now: datetime) -> QuerySet[OutboxEntry]:
    """Return the pending entries, without those that still wait to be coalesced with others."""
    pending = OutboxEntry.objects.using(using).filter(state=OutboxEntry.State.PENDING)
    return pending.exclude(coalescing.is_held(now))


def _choose(lease: Lease) -> list[uuid.UUID]:
    """Return sites that fill the batch, and beyond that only sites with at most ``FEW`` entries.

    The larger backlogs of the other sites are left to other workers.
    """
    if lease.alone:
        return [lease.alone]
    ripe = _ripe(lease.using, lease.now)
    room = live_settings().batch_limit
    chosen: list[uuid.UUID] = []
    in_turn = sorted(
        _free_sites(lease.using, lease.now), key=lambda site: (site <= lease.start, site)
    )
    for site_id in in_turn:
        waiting = ripe.filter(site_id=site_id)[: max(room, FEW + 1)].count()
        if waiting and (room or waiting <= FEW):
            chosen.append(site_id)
            room = max(room - waiting, 0)
        if len(chosen) == MAX_SITES:
            break
    return chosen


def _lease(lease: Lease) -> list[uuid.UUID]:
    """Write the lease on the chosen sites; return those that no other claim took first."""
    chosen = _choose(lease)
    if not chosen:
        return []
    ensure_deliveries(lease.using, chosen)
    states = SiteDelivery.objects.using(lease.using)
    free = states.filter(is_free(lease.now), pk__in=chosen)
    features = connections[lease.using].features
    if features.has_select_for_update:
        # In a fixed order, skipping rows that another claim has locked: two claims never deadlock.
        locked = free.select_for_update(skip_locked=features.has_select_for_update_skip_locked)
        free = free.filter(pk__in=list(locked.order_by("pk").values_list("pk", flat=True)))
    free.update(lease_token=lease.token, leased_until=lease.until)
    mine = set(states.filter(lease_token=lease.token).values_list("pk", flat=True))
    return [site_id for site_id in chosen if site_id in mine]


def _take(lease: Lease, leased: Sequence[uuid.UUID]) -> list[ClaimedEntry]:
    """Return the next entries, numbered, in the order of site and number.

    The sites take turns, one entry each, so that the backlog of one site hardly delays the others.
    """
    settings = live_settings()
    ripe = _ripe(lease.using, lease.now).order_by(*DELIVERY_ORDER)
    unreadable = partial(kill, lease.using)
    queues = [
        read_entries(ripe.filter(site_id=one)[: settings.batch_limit], unreadable) for one in leased
    ]
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
    """Give a ``seq`` to those of ``entries`` that have none, in the order of their ids."""
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
    """Return the leased sites. To be called after their entries were taken.

    This way a change of keys that was committed before one of the entries is noticed, and is
    mirrored before they are sent.
    """
    existing = set(Site.objects.using(using).filter(pk__in=leased).values_list("pk", flat=True))
    mirrors = SiteMirror.objects.using(using).in_bulk(leased)
    return [
        ClaimedSite(
            site_id=state.pk,
            failures=state.failures,
            is_deleted=bool(
                state.deleted_at
                or state.pk not in existing
                or (state.pk in mirrors and mirrors[state.pk].deleted_at)
            ),
            is_behind=is_behind(mirrors.get(state.pk), state),
        )
        for state in SiteDelivery.objects.using(using).filter(pk__in=leased)
    ]
