"""Requeue or discard dead entries, as a person decides, and record it in an audit trail."""

from __future__ import annotations

import uuid
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from spool_live.keys.trail import current_actor
from spool_live.models import OutboxEntry, OutboxEvent
from spool_live.outbox.record import notify_committed

Action = OutboxEvent.Action
NAMED = 100
"""Maximum of updates that one line of the trail names."""


def requeue_dead(using: str, chosen: Q | None = None) -> int:
    """Make dead entries (all of them, or those that match ``chosen``) pending again.

    They keep their ids and numbers, so that a client that got one by catch-up recognises it as a
    duplicate. Returns how many there were.
    """
    return sum(line.entries for line in requeue(using, chosen))


def requeue(using: str, chosen: Q | None = None) -> list[OutboxEvent]:
    """Requeue entries as ``requeue_dead`` does, and return the new lines of the audit trail.

    There is one line for each site, or several if there are more than a thousand entries. Pass a
    line to ``became_of`` to look up later how its entries ended.
    """
    values = {"state": OutboxEntry.State.PENDING, "settled_at": None, "attempts": 0}
    lines = _decide(using, chosen, Action.REQUEUED, values)
    if lines:
        transaction.on_commit(partial(notify_committed, using), using=using, robust=True)
    return lines


def discard_dead(using: str, chosen: Q | None = None, *, reason: str = "") -> int:
    """Give up dead entries (all of them, or those that match ``chosen``), and return how many.

    They are never broadcast, the status does not report them any more, and they leave the history
    like any other entry. Until then catch-up still serves those that have a number.
    """
    values = {"state": OutboxEntry.State.DISCARDED, "settled_at": timezone.now()}
    return sum(line.entries for line in _decide(using, chosen, Action.DISCARDED, values, reason))


def became_of(line: OutboxEvent) -> QuerySet[OutboxEntry]:
    """Return the entries that a line of the trail names, as they are now.

    A line names at most ``NAMED`` entries, and those that have left the history are not found.
    """
    entries = OutboxEntry.objects.using(line._state.db)
    return entries.filter(pk__in=line.detail.get("entries", []), site_id=line.site_id).order_by(
        "pk"
    )


def _decide(
    using: str, chosen: Q | None, action: OutboxEvent.Action, values: Any, reason: str = ""
) -> list[OutboxEvent]:
    """Write ``values`` into the dead entries, and a line into the trail for each of their sites."""
    with transaction.atomic(using=using):
        dead = OutboxEntry.objects.using(using).filter(state=OutboxEntry.State.DEAD)
        dead = dead.filter(chosen or Q())
        pks = list(dead.select_for_update().order_by("pk").values_list("pk", flat=True))
        lines: list[OutboxEvent] = []
        for start in range(0, len(pks), 1000):
            part = OutboxEntry.objects.using(using).filter(pk__in=pks[start : start + 1000])
            lines += _note(using, part, action, reason)
            part.update(**values)
        return lines


def _note(
    using: str, entries: QuerySet[OutboxEntry], action: OutboxEvent.Action, reason: str
) -> list[OutboxEvent]:
    counts = entries.values("site_id").order_by("site_id").annotate(entries=Count("pk"))
    lines = [
        OutboxEvent(
            action=action,
            site_id=row["site_id"],
            entries=row["entries"],
            reason=reason,
            detail=_named(entries.filter(site_id=row["site_id"])),
            **current_actor(),
        )
        for row in counts
    ]
    for line in lines:  # one by one: each needs its primary key, on every database
        line.save(using=using)
    return lines


def _named(entries: QuerySet[OutboxEntry]) -> dict[str, Any]:
    """Return the ids of the first ``NAMED`` entries, and the reasons why they were dead."""
    known: list[tuple[int, uuid.UUID, str]] = list(
        entries.order_by("pk").values_list("pk", "update_id", "last_error")[:NAMED]
    )
    return {
        "entries": [pk for pk, _, _ in known],
        "update_ids": [update_id for _, update_id, _ in known],
        "errors": sorted({error for _, _, error in known}),
    }
