"""The messages that are sent: their bodies, and an example."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from django.utils import timezone

from spool_live.updates import EventType, Update, new_update_id

EXAMPLE = "spool-live-example"
"""The collection of an example, a name that no project is likely to use."""


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """One update for one endpoint.

    ``attempts`` counts earlier attempts. ``pk`` is that of the ``WebhookMessage`` that waits for
    another attempt, ``None`` at the first.
    """

    update_id: uuid.UUID
    seq: int | None
    body: str
    entry_id: int = 0
    attempts: int = 0
    pk: int | None = None


def body(update: Update) -> str:
    """Return ``{event, site_id, collection, slug, item_id, timestamp, metadata, id, seq}`` as JSON:
    the fields of the live update, its ``event_type`` under the name ``event``."""
    row = update.as_row()
    return orjson.dumps({"event": row.pop("event_type"), **row}).decode()


def example(site_id: uuid.UUID) -> OutgoingMessage:
    """Return a message that means no change: its collection is ``EXAMPLE``, and it has no
    ``seq``."""
    update_id = new_update_id()
    values: dict[str, Any] = {
        "event": EventType.UPDATED.value,
        "site_id": str(site_id),
        "collection": EXAMPLE,
        "slug": None,
        "item_id": str(uuid.uuid4()),
        "timestamp": timezone.now().isoformat(),
        "metadata": {"example": True},
        "id": str(update_id),
        "seq": None,
    }
    return OutgoingMessage(update_id, None, orjson.dumps(values).decode())


def is_wanted(
    event_type: str, collection: str, event_types: Sequence[str], collections: Sequence[str]
) -> bool:
    """Return whether an endpoint wants an update of ``event_type`` and ``collection``.

    ``event_types`` and ``collections`` are what the endpoint asks for; empty means all.
    """
    return (not event_types or event_type in event_types) and (
        not collections or collection in collections
    )
