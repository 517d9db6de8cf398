"""What a change of an item means: pure rules from two snapshots to the updates they call for."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from spool_live.updates import EventType

NOTHING: Mapping[str, Any] = MappingProxyType({})


class Snapshot(NamedTuple):
    """What matters of an item at one moment. ``published`` is ``None`` where the collection has no
    publish state, ``announced`` is ``False`` for items that the collection leaves out."""

    site_id: uuid.UUID | None
    slug: str | None = None
    published: bool | None = None
    announced: bool = True

    @property
    def visible(self) -> bool:
        """Whether subscribers may hear of the item at all."""
        return self.announced and self.site_id is not None


class Transition(NamedTuple):
    """One update to record: for which site, what happened, under which slug, and what to add to
    the metadata."""

    site_id: uuid.UUID
    event_type: EventType
    slug: str | None
    extra: Mapping[str, Any] = NOTHING


def born(after: Snapshot) -> list[Transition]:
    """An item that subscribers did not know: created, or published where it is born published."""
    if not after.visible or after.site_id is None:
        return []
    event = EventType.PUBLISHED if after.published else EventType.CREATED
    return [Transition(after.site_id, event, after.slug)]


def gone(before: Snapshot) -> list[Transition]:
    """An item that subscribers will not see again."""
    if not before.visible or before.site_id is None:
        return []
    return [Transition(before.site_id, EventType.DELETED, before.slug)]


def changed(before: Snapshot, after: Snapshot) -> list[Transition]:
    """An item that was there before and still is.

    A move to another site is a deletion there and a creation here. Unpublishing is an update with
    ``published: false``, a new slug brings ``previous_slug``.
    """
    if before.site_id != after.site_id:
        return gone(before) + born(after)
    if not before.visible or after.site_id is None:
        return born(after)
    unpublished = before.published and not after.published
    if not after.announced and not unpublished:
        return gone(before)
    extra: dict[str, Any] = {"published": False} if unpublished else {}
    newly_published = after.published and not before.published
    event = EventType.PUBLISHED if newly_published else EventType.UPDATED
    if before.slug != after.slug and before.slug is not None:
        extra["previous_slug"] = before.slug
    return [Transition(after.site_id, event, after.slug, extra or NOTHING)]
