"""What a person decides about dead entries: another chance, or none. Kept in an audit trail."""

from __future__ import annotations

import uuid
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from spool_live.keys.trail import current_actor
from spool_live.models import OutboxEntry, OutboxEvent
from spool_live.outbox.record import announce_commit

Action = OutboxEvent.Action
NAMED = 100
"""Updates that one line of the trail names."""


def requeue_dead(using: str, chosen: Q | None = None) -> int:
    """Makes dead entries (all of them, or those that match ``chosen``) pending again.

    They keep their ids and numbers: whoever saw one in catch-up drops it. Returns how many.
    """
    values = {"state": OutboxEntry.State.PENDING, "settled_at": None, "attempts": 0}
    requeued = _decide(using, chosen, Action.REQUEUED, values)
    if requeued:
        transaction.on_commit(partial(announce_commit, using), using=using, robust=True)
    return requeued


def discard_dead(using: str, chosen: Q | None = None, *, reason: str = "") -> int:
    """Gives dead entries up (all of them, or those that match ``chosen``): they are never
    broadcast, the status is silent about them, and they leave the history like any other entry.
    Until then catch-up has those that have a number. Returns how many.
    """
    values = {"state": OutboxEntry.State.DISCARDED, "settled_at": timezone.now()}
    return _decide(using, chosen, Action.DISCARDED, values, reason)


def _decide(
    using: str, chosen: Q | None, action: OutboxEvent.Action, values: Any, reason: str = ""
) -> int:
    """Changes the entries, with one line in the trail for each site of theirs."""
    with transaction.atomic(using=using):
        dead = OutboxEntry.objects.using(using).filter(state=OutboxEntry.State.DEAD)
        dead = dead.filter(chosen or Q())
        pks = list(dead.select_for_update().order_by("pk").values_list("pk", flat=True))
        decided = 0
        for start in range(0, len(pks), 1000):
            part = OutboxEntry.objects.using(using).filter(pk__in=pks[start : start + 1000])
            _note(using, part, action, reason)
            decided += part.update(**values)
        return decided


def _note(
    using: str, entries: QuerySet[OutboxEntry], action: OutboxEvent.Action, reason: str
) -> None:
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
    OutboxEvent.objects.using(using).bulk_create(lines)


def _named(entries: QuerySet[OutboxEntry]) -> dict[str, Any]:
    """Which updates those are, and why they were dead."""
    known: list[tuple[uuid.UUID, str]] = list(
        entries.order_by("pk").values_list("update_id", "last_error")[:NAMED]
    )
    return {
        "update_ids": [update_id for update_id, _ in known],
        "errors": sorted({error for _, error in known}),
    }
