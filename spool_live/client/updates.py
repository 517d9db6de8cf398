"""What handlers receive: an update as a frozen value, and the reset."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

MAX_SEQ = 2**63 - 1
"""The largest sequence number: the counter is a PostgreSQL bigint."""


@dataclass(frozen=True, slots=True)
class LiveUpdate:
    """One change of one item, as it is on the wire. Immutable."""

    id: str
    """The update's own UUID. Two updates with the same id are the same update."""
    site_id: str
    """The UUID of the site it belongs to."""
    event_type: str
    """``content.created``, ``content.updated``, ``content.published`` or ``content.deleted``."""
    collection: str
    """The collection's name, as the CMS declares it."""
    slug: str | None
    """The item's slug, or ``None`` if it has none."""
    item_id: str
    """The item's UUID, the same in every update of it."""
    timestamp: str
    """ISO 8601 time of the edit, with its offset."""
    metadata: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """The metadata that the collection adds: a JSON object of at most 8 KiB."""
    seq: int | None = None
    """The update's number on its site, larger than that of every earlier update. ``None`` in rows
    that something other than spool_live wrote; those are handed out as they arrive."""

    @classmethod
    def from_wire(cls, row: Mapping[str, Any]) -> LiveUpdate:
        """Build an update from the JSON object of the API, of a broadcast or of a table row.

        Raises ``KeyError``, ``TypeError`` or ``ValueError`` for an object that is not an update.
        """
        if not isinstance(row, Mapping):
            raise TypeError("the update is not a JSON object")
        seq, metadata = row.get("seq"), row.get("metadata") or {}
        if not isinstance(metadata, dict):
            raise TypeError("metadata is not an object")
        return cls(
            id=str(row["id"]),
            site_id=str(row["site_id"]),
            event_type=str(row["event_type"]),
            collection=str(row["collection"]),
            slug=None if row.get("slug") is None else str(row["slug"]),
            item_id=str(row["item_id"]),
            timestamp=str(row["timestamp"]),
            metadata=metadata,
            seq=None if seq is None else sequence_number(seq),
        )

    @property
    def edited_at(self) -> datetime:
        """``timestamp`` as an aware ``datetime``. Raises ``ValueError`` if it is not ISO 8601."""
        return datetime.fromisoformat(self.timestamp)

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON object that the update was built from."""
        return {name: getattr(self, name) for name in self.__slots__} | {
            "metadata": dict(self.metadata)
        }


@dataclass(frozen=True, slots=True)
class Reset:
    """Notice that updates were missed and cannot be recovered: fetch your content again.

    The client continues after ``seq``.
    """

    seq: int
    """The sequence number after which nothing is missing."""
    reason: Literal["history", "overflow"] = "history"
    """``"history"``: the CMS's log no longer reaches back to the client's position, or was restored
    from a backup. ``"overflow"``: a queue with ``overflow="drop_oldest"`` was full."""


Event = LiveUpdate | Reset


def sequence_number(value: object) -> int:
    """Return ``value`` if it can be a sequence number: an integer from 0 to 2**63 - 1.

    Raises ``ValueError`` for anything else.
    """
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MAX_SEQ:
        raise ValueError(f"{value!r} is not a sequence number")
    return value


@dataclass(frozen=True, slots=True)
class UpdateFilter:
    """The updates that a handler wants to receive. Immutable."""

    collections: frozenset[str] | None = None
    """Names of collections; ``None`` for all."""
    event_types: frozenset[str] | None = None
    """Event types; ``None`` for all."""

    @classmethod
    def of(
        cls, collections: Collection[str] | None = None, event_types: Collection[str] | None = None
    ) -> UpdateFilter:
        """Build a filter from names in lists, tuples or sets; ``None`` for all."""
        return cls(
            None if collections is None else frozenset(collections),
            None if event_types is None else frozenset(event_types),
        )

    def matches(self, update: LiveUpdate) -> bool:
        """Return whether the handler wants to receive ``update``."""
        return (self.collections is None or update.collection in self.collections) and (
            self.event_types is None or update.event_type in self.event_types
        )


EVERYTHING = UpdateFilter()
