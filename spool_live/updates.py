"""One update as a value, from the outbox to the wire, without database and network."""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

import orjson

from spool_live.metadata import METADATA_LIMIT, clean_text, metadata_json, read_metadata
from spool_live.tags import CACHE_TAGS, MAX_TAG_LENGTH, default_tags

COLLECTION_LIMIT = 200
"""Most characters of a collection's name."""

_LEAVES_ROOM = METADATA_LIMIT - 4 * (6 * MAX_TAG_LENGTH + 3) - len('{"cache_tags":[]},')
"""Most bytes of metadata that leave room for any four tags: JSON has at most six bytes for a
character."""
_VARIANT = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}


class EventType(StrEnum):
    """What happened to an item: the four event types on the wire."""

    CREATED = "content.created"
    """A new item that is not published; one that is published from the start is ``PUBLISHED``."""
    UPDATED = "content.updated"
    """Any other change. Unpublishing is one, with ``published: false`` in the metadata."""
    PUBLISHED = "content.published"
    """The item can be seen by the public now, and could not before."""
    DELETED = "content.deleted"
    """The item was deleted, has moved to another site, or is no longer visible to subscribers."""


@dataclass(frozen=True, slots=True)
class LiveUpdateData:
    """One change of one item, before it has a site, an id or a number. Immutable.

    Raises ``ValueError`` for an unknown event type, a collection without a name or with one of more
    than 200 characters, and an item id that is not a UUID.
    """

    event_type: EventType
    """What happened; the text of an event type is accepted as well."""
    collection: str
    """The collection's name, as front ends know it: 1 to 200 characters."""
    item_id: uuid.UUID
    """The item's id; the text of a UUID is accepted as well."""
    slug: str | None = None
    """The item's slug, or ``None`` where it has none."""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """A JSON object of at most 8 KiB. It is made I-JSON (RFC 7493) when the update is recorded:
    integers beyond 2**53 - 1 become text; what is not valid is left out and flagged with
    ``"invalid": true``, and what does not fit with ``"truncated": true``."""

    def __post_init__(self) -> None:
        if type(self.event_type) is not EventType:
            object.__setattr__(self, "event_type", EventType(self.event_type))
        if not 0 < len(clean_text(self.collection)) <= COLLECTION_LIMIT:
            raise ValueError(f"collection must have 1 to {COLLECTION_LIMIT} characters")
        if self.slug is not None and type(self.slug) is not str:
            object.__setattr__(self, "slug", str(self.slug))
        if type(self.item_id) is not uuid.UUID:
            object.__setattr__(self, "item_id", uuid.UUID(str(self.item_id)))


@dataclass(frozen=True, slots=True)
class Update:
    """One update as it is broadcast: a row of ``live_updates``."""

    id: uuid.UUID
    site_id: uuid.UUID
    event_type: str
    collection: str
    item_id: uuid.UUID
    slug: str | None
    timestamp: datetime
    metadata: dict[str, Any]
    seq: int

    @classmethod
    def of_entry(cls, entry: Any, metadata: str) -> Update:
        """Return the update of ``entry``, an outbox entry whose metadata is the JSON text
        ``metadata``. Delivery and catch-up both use it, so that both send the same.

        Raises ``ValueError`` with the reason where the entry has no ``seq`` yet, or has a timestamp
        or metadata that cannot be read.
        """
        if entry.seq is None:
            raise ValueError(f"outbox entry {entry.pk} has no seq yet")
        if entry.timestamp is None:
            raise ValueError("the timestamp is not between the years 1 and 9999")
        return cls(
            id=entry.update_id,
            site_id=entry.site_id,
            event_type=entry.event_type,
            collection=entry.collection,
            item_id=entry.item_id,
            slug=entry.slug,
            timestamp=entry.timestamp,
            metadata=_tagged(entry, metadata),
            seq=entry.seq,
        )

    def as_row(self) -> dict[str, Any]:
        """Return the update as JSON values, in the shape of the live table and of the wire."""
        return {
            "id": str(self.id),
            "site_id": str(self.site_id),
            "event_type": self.event_type,
            "collection": self.collection,
            "slug": self.slug,
            "item_id": str(self.item_id),
            "timestamp": self.timestamp.isoformat(),
            "metadata": self.metadata,
            "seq": self.seq,
        }


def _tagged(entry: Any, text: str) -> dict[str, Any]:
    """Return the metadata in ``text`` with the cache tags that the change makes stale, unless it
    has them already: those of a collection that declares its own, or a project's own key of that
    name. Where both do not fit, the tags stay and the last entries of the metadata are cut."""
    metadata = read_metadata(text)
    if CACHE_TAGS in metadata:
        return metadata
    before = metadata.get("previous_slug")
    tags = default_tags(entry.collection, entry.item_id, entry.slug, before)
    size = len(text) if text.isascii() else len(text.encode("utf-8", "replace"))
    if size <= _LEAVES_ROOM or size + len(orjson.dumps({CACHE_TAGS: tags})) <= METADATA_LIMIT:
        metadata[CACHE_TAGS] = tags
        return metadata
    return read_metadata(metadata_json({CACHE_TAGS: tags, **metadata}))


def new_update_id() -> uuid.UUID:
    """Return a random UUID (version 4 of RFC 9562). Subscribers may see the ids of other sites'
    updates, where deletions are published; so an id must reveal nothing, above all not the time of
    the update."""
    return uuid.UUID(new_update_hex())


def new_update_hex() -> str:
    """Return a random UUID as 32 hexadecimal digits."""
    digits = os.urandom(16).hex()
    return f"{digits[:12]}4{digits[13:16]}{_VARIANT[digits[16]]}{digits[17:]}"
