"""The JSON objects that subscribers receive. The texts beside the types go into the schema.

Tests compare them with the table ``live_updates``, with ``spool_live.updates`` and with the
clients.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypedDict

EventType = Literal["content.created", "content.updated", "content.published", "content.deleted"]


class UpdateMetadata(TypedDict, total=False):
    """What spool_live itself puts into the metadata of an update, beside the collection's own."""

    published: Annotated[bool, "False where the item was unpublished."]
    previous_slug: Annotated[str, "The slug before this change."]
    cache_tags: Annotated[list[str], "The cache tags that this change makes stale."]
    truncated: Annotated[bool, "Entries that were too large were left out."]
    invalid: Annotated[bool, "Entries that JSON cannot hold were left out."]


class UpdateRow(TypedDict):
    """One change of one item: a row of `live_updates`, as it is broadcast and as the log has it."""

    id: str
    site_id: str
    event_type: EventType
    collection: str
    slug: str | None
    item_id: str
    timestamp: Annotated[str, "Time of the edit, ISO 8601."]
    metadata: UpdateMetadata
    seq: Annotated[
        int | None,
        "Counts the updates of the site; null in rows that were not written by spool_live.",
    ]


class WebhookBody(TypedDict):
    """The body of a webhook."""

    event: EventType
    site_id: str
    collection: str
    slug: str | None
    item_id: str
    timestamp: Annotated[str, "Time of the edit, ISO 8601."]
    metadata: UpdateMetadata
    id: str
    seq: int | None


OPEN: frozenset[type] = frozenset({UpdateMetadata})
"""Objects that may have other fields too."""

OBJECTS: tuple[type, ...] = (UpdateMetadata, UpdateRow, WebhookBody)

JSON = dict[str, Any]
