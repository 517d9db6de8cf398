"""The updates that the edits of a block recorded."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.db import DEFAULT_DB_ALIAS

from spool_live.models import OutboxEntry


@dataclass(frozen=True, slots=True)
class CapturedUpdate:
    """One update as it was recorded. Two are equal if all but their site and item are."""

    event_type: str
    """``"content.updated"`` or another of the four event types."""
    collection: str
    """The collection's name."""
    slug: str | None
    """The item's slug, or ``None`` where it has none."""
    metadata: dict[str, Any] = field(default_factory=dict)
    """What subscribers read of the item."""
    site_id: uuid.UUID = field(default=uuid.UUID(int=0), compare=False)
    """The id of the site that the update is for."""
    item_id: uuid.UUID = field(default=uuid.UUID(int=0), compare=False)
    """The item's id: its primary key where that is a UUID."""


@contextmanager
def captured_updates(using: str = DEFAULT_DB_ALIAS) -> Iterator[list[CapturedUpdate]]:
    """Yield a list that holds, after the block, what was recorded on ``using`` within it, in order.

    Updates that were rolled back within the block are not in it. It works inside ``TestCase`` as
    well as ``TransactionTestCase``, for capture by signals and by triggers, and costs two queries.
    """
    entries = OutboxEntry.objects.using(using).order_by("pk")
    last = entries.values_list("pk", flat=True).last() or 0
    captured: list[CapturedUpdate] = []
    try:
        yield captured
    finally:
        captured += [
            CapturedUpdate(e.event_type, e.collection, e.slug, e.metadata, e.site_id, e.item_id)
            for e in entries.filter(pk__gt=last)
        ]
