"""Claimed entries: the columns that delivery needs, without the cost of model instances."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db import DataError
from django.db.models import Case, F, QuerySet, TextField, Value, When
from django.db.models.functions import Cast
from django.utils import timezone

from spool_live.models import OutboxEntry
from spool_live.updates import Update

logger = logging.getLogger(__name__)

_COLUMNS = (
    "pk",
    "update_id",
    "site_id",
    "event_type",
    "collection",
    "item_id",
    "slug",
    "timestamp",
    "metadata_text",
    "seq",
    "merged",
    "refused_times",
    "trace_context",
)
_COMPUTED = {
    "metadata_text": Cast("metadata", TextField()),
    # An entry without an error of its own was not refused: its attempts failed in outages.
    "refused_times": Case(When(last_error="", then=Value(0)), default=F("attempts")),
}
_UNREADABLE = (DataError, ValueError, TypeError, OverflowError)
Unreadable = Callable[[int, str], None]


@dataclass(slots=True)
class ClaimedEntry:
    """One entry of a claim."""

    pk: int
    update_id: uuid.UUID
    site_id: uuid.UUID
    event_type: str
    collection: str
    item_id: uuid.UUID
    slug: str | None
    timestamp: datetime | None
    """``None`` if Python cannot hold the timestamp."""
    metadata: str
    """JSON text as it is stored."""
    seq: int | None
    merged: int
    """How many later updates of the item were merged into this one."""
    refusals: int = 0
    """How often Supabase refused this entry while it took others."""
    trace_context: str | None = None
    """W3C Trace Context of the edit, as a JSON object."""

    def as_update(self) -> Update:
        """Return the entry as the value that is broadcast.

        Raises ``ValueError`` with the reason if it has no ``seq`` yet or cannot be read.
        """
        return Update.of_entry(self, self.metadata)


def read_entries(
    chosen: QuerySet[OutboxEntry], unreadable: Unreadable | None = None
) -> Iterator[ClaimedEntry]:
    """Yield the entries of ``chosen``, in its order.

    An entry that was written by SQL may have values that Python cannot hold (an infinite timestamp;
    on SQLite, anything). It is left out, and the others are read: ``unreadable`` is called with its
    primary key and the reason. By default the reason is logged.
    """
    try:
        rows = list(chosen.annotate(**_COMPUTED).values_list(*_COLUMNS))
    except _UNREADABLE:
        yield from _one_by_one(chosen, unreadable or _log)
    else:
        for row in rows:
            yield ClaimedEntry(*row)


def kill(using: str, pk: int, reason: str) -> None:
    """Mark a pending entry as dead outside of any claim, because it can never be part of one."""
    logger.error("outbox entry %s is dead: %s", pk, reason)
    OutboxEntry.objects.using(using).filter(pk=pk, state=OutboxEntry.State.PENDING).update(
        state=OutboxEntry.State.DEAD, settled_at=timezone.now(), last_error=reason
    )


def _log(pk: int, reason: str) -> None:
    logger.error("outbox entry %s is left out: %s", pk, reason)


def _one_by_one(chosen: QuerySet[OutboxEntry], unreadable: Unreadable) -> Iterator[ClaimedEntry]:
    pks = list(chosen.values_list("pk", flat=True))
    for pk in pks:
        alone = OutboxEntry.objects.using(chosen.db).filter(pk=pk)
        try:
            row = alone.annotate(**_COMPUTED).values_list(*_COLUMNS).get()
        except _UNREADABLE as error:
            unreadable(pk, f"the row cannot be read: {error}")
        else:
            yield ClaimedEntry(*row)
