"""Requeueing: a dead entry gets another chance."""

from __future__ import annotations

from functools import partial

from django.db import transaction
from django.db.models import Q

from spool_live.models import OutboxEntry
from spool_live.outbox.record import announce_commit


def requeue_dead(using: str, chosen: Q | None = None) -> int:
    """Makes dead entries (all of them, or those that match ``chosen``) pending again.

    They keep their ids and numbers: whoever saw one in catch-up drops it. Returns how many.
    """
    dead = OutboxEntry.objects.using(using).filter(state=OutboxEntry.State.DEAD)
    requeued = dead.filter(chosen or Q()).update(
        state=OutboxEntry.State.PENDING, settled_at=None, attempts=0
    )
    if requeued:
        transaction.on_commit(partial(announce_commit, using), using=using, robust=True)
    return requeued
