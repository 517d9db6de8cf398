"""The history: reading updates for catch-up, and purging what is too old."""

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
    """One page of the updates after a cursor, oldest first.

    ``status`` is ``reset`` if the history does not reach back to the cursor. ``next`` is the cursor
    of the next page, if there is one; ``seq`` is the site's newest number.
    """

    status: Literal["recovered", "reset"]
    results: list[Update]
    next: int | None
    seq: int
    epoch: int


def catch_up(using: str, site_id: uuid.UUID, *, after: int, limit: int) -> HistoryPage:
    """Return at most ``limit`` updates of a site with a ``seq`` above ``after``, oldest first.

    Includes numbered updates that are not delivered yet. Takes three indexed queries: the site's
    state, its updates, and a check that none of them was purged between the two.
    """
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
        # Skip a page of unreadable rows, or the client would never get past it.
        cursor = page[-1].seq if page else entries.values_list("seq", flat=True)[limit - 1]
    return HistoryPage("recovered", list(map(as_sent, page)), cursor, newest, epoch)


def numbered_after(
    using: str, site_id: uuid.UUID, *, after: int, limit: int
) -> tuple[list[ClaimedEntry], int]:
    """Return at most ``limit`` entries of a site with a ``seq`` above ``after``, whatever their
    state (except dropped ones), and the ``seq`` to continue from.

    Between ``after`` and that ``seq`` only rows that cannot be read are left out.
    """
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
    """Return ``entry`` as it was broadcast.

    An entry whose metadata cannot be read was never broadcast. Its item changed all the same, so it
    is returned with ``{"invalid": true}`` as its metadata.
    """
    try:
        return entry.as_update()
    except ValueError:
        return replace(entry, metadata='{"invalid":true}').as_update()


def purge_settled(using: str, *, before: datetime, limit: int) -> int:
    """Remove at most ``limit`` entries that were settled before ``before``; return how many.

    Dead entries stay until a person requeues or discards them. The history floor of the sites is
    raised in the same transaction, so that catch-up never skips an update that was removed.
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
