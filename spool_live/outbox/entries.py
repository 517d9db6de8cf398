"""A claimed entry: the columns that delivery needs, without the price of a model instance."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import orjson
from django.db.models import QuerySet, TextField
from django.db.models.functions import Cast

from spool_live.models import OutboxEntry
from spool_live.updates import Update

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
)


@dataclass(slots=True)
class ClaimedEntry:
    """One entry of a claim. ``metadata`` is JSON text as it is stored; ``merged`` says how many
    later entries of the item are in this one."""

    pk: int
    update_id: uuid.UUID
    site_id: uuid.UUID
    event_type: str
    collection: str
    item_id: uuid.UUID
    slug: str | None
    timestamp: datetime
    metadata: str
    seq: int | None
    merged: int

    def as_update(self) -> Update:
        """The entry as the value that is broadcast. Raises ``ValueError`` before it has a seq."""
        return Update.of_entry(self, orjson.loads(self.metadata))


def read_entries(chosen: QuerySet[OutboxEntry]) -> Iterator[ClaimedEntry]:
    """The entries of ``chosen``, in its order."""
    text = Cast("metadata", TextField())
    for row in chosen.annotate(metadata_text=text).values_list(*_COLUMNS):
        yield ClaimedEntry(*row)
