"""What the edits of a block recorded."""

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
    """One update as it was recorded: ``event_type`` is ``"content.updated"`` or another of the
    four, ``metadata`` what subscribers read. ``item_id`` is the item's key where that is a UUID."""

    event_type: str
    collection: str
    slug: str | None
    metadata: dict[str, Any] = field(default_factory=dict)
    site_id: uuid.UUID = field(default=uuid.UUID(int=0), compare=False)
    item_id: uuid.UUID = field(default=uuid.UUID(int=0), compare=False)


@contextmanager
def captured_updates(using: str = DEFAULT_DB_ALIAS) -> Iterator[list[CapturedUpdate]]:
    """A list that holds, after the block, what was recorded on ``using`` within it, in order.

    What a transaction within the block took back is not in it. Works inside ``TestCase`` as well as
    ``TransactionTestCase``, for capture by signals and by triggers; two queries.
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
