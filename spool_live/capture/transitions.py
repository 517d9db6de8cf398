"""What a change of an item means: pure functions from two snapshots to the updates they call
for."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from spool_live.updates import EventType, LiveUpdateData

NO_METADATA: Mapping[str, Any] = MappingProxyType({})

ADDED = ("published", "previous_slug")
"""Names that a transition adds to the metadata, before the collection's own."""

Recorded = tuple[uuid.UUID, LiveUpdateData]
"""Site id and data of an update that is to be recorded."""


class Snapshot(NamedTuple):
    """The state of an item at one moment, as far as updates depend on it. ``published`` is ``None``
    where the collection has no publish state, ``visible`` is ``False`` for items that it hides."""

    site_id: uuid.UUID | None
    slug: str | None = None
    published: bool | None = None
    visible: bool = True

    @property
    def is_known(self) -> bool:
        """Whether subscribers may know of the item: it is visible and belongs to a site."""
        return self.visible and self.site_id is not None


class Transition(NamedTuple):
    """One update to record: for which site, what happened, under which slug, and what to add to
    the metadata."""

    site_id: uuid.UUID
    event_type: EventType
    slug: str | None
    extra: Mapping[str, Any] = NO_METADATA

    @property
    def is_plain(self) -> bool:
        """Whether the item is as visible, as published and at the same slug and site as before."""
        return self.event_type is EventType.UPDATED and not self.extra


def created(after: Snapshot) -> list[Transition]:
    """Return the update for an item that is new to subscribers: ``content.published`` if it is
    published already, else ``content.created``."""
    if not after.is_known or after.site_id is None:
        return []
    event = EventType.PUBLISHED if after.published else EventType.CREATED
    return [Transition(after.site_id, event, after.slug)]


def deleted(before: Snapshot) -> list[Transition]:
    """Return the deletion of an item that subscribers will not see again."""
    if not before.is_known or before.site_id is None:
        return []
    return [Transition(before.site_id, EventType.DELETED, before.slug)]


def touched(now: Snapshot) -> list[Transition]:
    """Return the update for an item whose site, slug and states stay as they are."""
    return changed(now, now)


def published(now: Snapshot) -> list[Transition]:
    """Return the update for an item that was published, for the first time or again."""
    return [t._replace(event_type=EventType.PUBLISHED) for t in touched(now)]


def unpublished(now: Snapshot) -> list[Transition]:
    """Return the update for an item that was published and no longer is; it may be hidden now."""
    if now.site_id is None:
        return []
    return [Transition(now.site_id, EventType.UPDATED, now.slug, {"published": False})]


def changed(before: Snapshot, after: Snapshot) -> list[Transition]:
    """Return the updates for an item that existed before and still does.

    A move to another site is a deletion on the old one and a creation on the new one. Unpublishing
    is an update with ``published: false``, and a new slug adds ``previous_slug``.
    """
    if before.site_id != after.site_id:
        return deleted(before) + created(after)
    if not before.is_known or after.site_id is None:
        return created(after)
    is_unpublished = before.published and not after.published
    if not after.visible and not is_unpublished:
        return deleted(before)
    extra: dict[str, Any] = {"published": False} if is_unpublished else {}
    newly_published = after.published and not before.published
    event = EventType.PUBLISHED if newly_published else EventType.UPDATED
    if before.slug != after.slug and before.slug is not None:
        extra["previous_slug"] = before.slug
    return [Transition(after.site_id, event, after.slug, extra or NO_METADATA)]


def undetermined(before: uuid.UUID | None, after: uuid.UUID | None) -> list[Transition]:
    """Return the updates for a change of which only the sites are known: an update on the new site
    and, after a move, a deletion on the old one. They have no slug, because the item may be
    hidden."""
    found = [] if after is None else [Transition(after, EventType.UPDATED, None)]
    if before is not None and before != after:
        return [Transition(before, EventType.DELETED, None), *found]
    return found
