"""History: what catch-up reads, and what is purged from it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from django.db import transaction
from django.db.models import Max, Q

from spool_live.models import OutboxEntry, SiteDelivery
from spool_live.outbox.entries import ClaimedEntry, read_entries
from spool_live.updates import Update


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """An answer to "what came after seq N?". ``next`` is the cursor of the next page, if any;
    ``seq`` the site's newest number. ``reset``: the history does not reach back that far."""

    status: Literal["recovered", "reset"]
    results: list[Update]
    next: int | None
    seq: int
    epoch: int


def catch_up(using: str, site_id: uuid.UUID, *, after: int, limit: int) -> HistoryPage:
    """Return at most ``limit`` updates of a site after ``after``, oldest first; numbered updates
    count whether or not delivered. One indexed query for the site's state, one for its updates, and
    one that nothing was purged between the two."""
    site = SiteDelivery.objects.using(using).filter(pk=site_id).first()
    newest = site.last_seq if site else 0
    epoch = site.acknowledged_epoch if site else 0
    if after > newest or after < (site.history_floor if site else 0):
        return HistoryPage("reset", [], None, newest, epoch)
    entries = (
        OutboxEntry.objects.using(using)
        .filter(site_id=site_id, seq__gt=after, seq__lte=newest)
        .exclude(state=OutboxEntry.State.DROPPED)
        .order_by("seq")[: limit + 1]
    )
    left_out: list[int] = []
    found = list(read_entries(entries, lambda pk, reason: left_out.append(pk)))
    if SiteDelivery.objects.using(using).filter(pk=site_id, history_floor__gt=after).exists():
        return HistoryPage("reset", [], None, newest, epoch)
    more = len(found) + len(left_out) > limit
    page = found[:limit]
    cursor = None
    if more:
        # A page of rows that cannot be read is passed over, or nothing after it would be reached.
        cursor = page[-1].seq if page else entries.values_list("seq", flat=True)[limit - 1]
    return HistoryPage("recovered", list(map(as_sent, page)), cursor, newest, epoch)


def numbered_after(
    using: str, site_id: uuid.UUID, *, after: int, limit: int
) -> tuple[list[ClaimedEntry], int]:
    """Return at most ``limit`` numbered entries of a site after the number ``after``, whatever
    became of them, and the number up to which there are no others (rows that cannot be read among
    them)."""
    site = SiteDelivery.objects.using(using).filter(pk=site_id).first()
    newest = site.last_seq if site else 0
    entries = (
        OutboxEntry.objects.using(using)
        .filter(site_id=site_id, seq__gt=after, seq__lte=newest)
        .exclude(state=OutboxEntry.State.DROPPED)
        .order_by("seq")[:limit]
    )
    left_out: list[int] = []
    found = list(read_entries(entries, lambda pk, reason: left_out.append(pk)))
    if len(found) + len(left_out) < limit:
        return found, max(newest, after)
    return found, max(seq or after for seq in entries.values_list("seq", flat=True))


def as_sent(entry: ClaimedEntry) -> Update:
    """Return ``entry`` as it was broadcast; one whose metadata cannot be read was not, and is
    served without it: its item did change."""
    try:
        return entry.as_update()
    except ValueError:
        return replace(entry, metadata='{"invalid":true}').as_update()


def purge_settled(using: str, *, before: datetime, limit: int) -> int:
    """Remove at most ``limit`` entries that are done with, settled before ``before``.

    Raises the history floor of their sites in the same transaction, so that catch-up never passes
    over a hole. Returns how many were removed; dead entries stay for a person to look at.
    """
    settled = [
        OutboxEntry.State.DELIVERED,
        OutboxEntry.State.DROPPED,
        OutboxEntry.State.MERGED,
        OutboxEntry.State.LEFT,
        OutboxEntry.State.DISCARDED,
    ]
    old = Q(state__in=settled, settled_at__lt=before)
    with transaction.atomic(using=using):
        entries = OutboxEntry.objects.using(using)
        pks = list(entries.filter(old).order_by("settled_at").values_list("pk", flat=True)[:limit])
        chosen = entries.filter(pk__in=pks)
        floors = chosen.exclude(seq=None).values("site_id").annotate(highest=Max("seq"))
        for floor in floors.order_by("site_id"):
            SiteDelivery.objects.using(using).filter(
                pk=floor["site_id"], history_floor__lt=floor["highest"]
            ).update(history_floor=floor["highest"])
        removed, _ = chosen.delete()
    return removed
