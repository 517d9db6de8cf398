"""The value that travels: one update, from the outbox to the wire. No database, no network."""

from __future__ import annotations

import json
import os
import random
import re
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

import orjson
from django.core.serializers.json import DjangoJSONEncoder

METADATA_LIMIT = 8 * 1024
"""Most bytes of UTF-8 JSON that the metadata of one update may take."""

COLLECTION_LIMIT = 200
"""Most characters of a collection's name."""

TRUNCATED = "truncated"
INVALID = "invalid"

_ESCAPED_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")
"""NUL as JSON writes it: an escape, so an even number of backslashes stands before it."""

_noise = random.Random()  # noqa: S311 - to be unique, not to be a secret; a third of the system's price
os.register_at_fork(after_in_child=_noise.seed)

_PLAIN = frozenset((str, int, bool, type(None)))
_ENCODER = DjangoJSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


class EventType(StrEnum):
    """What happened to an item. These four names are the whole vocabulary of the wire."""

    CREATED = "content.created"
    UPDATED = "content.updated"
    PUBLISHED = "content.published"
    DELETED = "content.deleted"


@dataclass(frozen=True, slots=True)
class LiveUpdateData:
    """One change of one item, before it has a site, an id or a number.

    ``item_id`` is a UUID or its text. ``metadata`` is a JSON object; what does not fit into
    8 KiB is cut and flagged with ``"truncated": true`` when the update is recorded.
    Raises :class:`ValueError` for an unknown event type, a collection of no or more than 200
    characters, or a bad item id.
    """

    event_type: EventType
    collection: str
    item_id: uuid.UUID
    slug: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if type(self.event_type) is not EventType:
            object.__setattr__(self, "event_type", EventType(self.event_type))
        if not 0 < len(self.collection) <= COLLECTION_LIMIT:
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
    def of_entry(cls, entry: Any, metadata: dict[str, Any]) -> Update:
        """The value that ``entry`` of the outbox is broadcast as, with its ``metadata`` decoded.

        Raises ``ValueError`` before it has a seq.
        """
        if entry.seq is None:
            raise ValueError(f"outbox entry {entry.pk} has no seq yet")
        return cls(
            id=entry.update_id,
            site_id=entry.site_id,
            event_type=entry.event_type,
            collection=entry.collection,
            item_id=entry.item_id,
            slug=entry.slug,
            timestamp=entry.timestamp,
            metadata=metadata,
            seq=entry.seq,
        )

    def as_row(self) -> dict[str, Any]:
        """The update as JSON values, in the shape of the table and of the wire (DESIGN 5.6)."""
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


def new_update_id() -> uuid.UUID:
    """A UUIDv7 (RFC 9562): what is recorded together lies together in every index."""
    return uuid.UUID(new_update_hex())


def new_update_hex() -> str:
    """The same as 32 hexadecimal digits."""
    milliseconds = time.time_ns() // 1_000_000 & (1 << 48) - 1
    noise = _noise.getrandbits(74)
    low = 2 << 62 | noise & (1 << 62) - 1
    return f"{milliseconds:012x}7{noise >> 62:03x}{low:016x}"


def clean_text(value: str) -> str:
    """``value`` without what PostgreSQL's text and jsonb cannot hold: NUL and lone surrogates."""
    if "\x00" in value:
        value = value.replace("\x00", "")
    return value if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")


def metadata_json(metadata: Mapping[str, Any]) -> str:
    """``metadata`` as JSON text that PostgreSQL will accept, of at most 8 KiB.

    Entries that cannot be JSON are left out and flagged with ``"invalid": true``; entries that do
    not fit any more, in order, with ``"truncated": true``. An update is never lost for its
    metadata.
    """
    text = _encode(metadata)
    if text is not None and len(text) <= METADATA_LIMIT and len(text.encode()) <= METADATA_LIMIT:
        return text
    kept: dict[str, Any] = {}
    flags: dict[str, bool] = {}
    room = METADATA_LIMIT - len('{"truncated":true,"invalid":true}')
    for name, value in metadata.items():
        entry = _encode({str(name): value})
        if entry is None:
            flags[INVALID] = True
        elif len(entry.encode()) > room:
            flags[TRUNCATED] = True
        else:
            room -= len(entry.encode())
            kept.update(json.loads(entry))
    return json.dumps({**kept, **flags}, ensure_ascii=False, separators=(",", ":"))


def _encode(value: Mapping[str, Any]) -> str | None:
    try:
        text = _encode_plain(value) or _ENCODER.encode(value)
    except (TypeError, ValueError, RecursionError):
        return None
    text = clean_text(text)
    return _ESCAPED_NUL.sub(r"\1", text) if "\\u0000" in text else text


def _encode_plain(value: Mapping[str, Any]) -> str | None:
    """The common case at a third of the price: names and values that mean the same to both."""
    if type(value) is dict and _PLAIN.issuperset(map(type, value.values())):
        try:
            return orjson.dumps(value).decode()
        except TypeError:  # a name that is no text, a lone surrogate, a number of over 64 bits
            return None
    return None
