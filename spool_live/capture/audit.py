"""The audit: items whose present state no update has announced, as far as the outbox can tell.

It compares each item with the newest entry about it: whether it is there, its slug, and the
metadata that its collection would give it now. A change that shows in none of these is not found.
Where the history was purged, an item without an entry is presumed to be announced. Items and
entries are read some at a time: run it in a transaction, where a cursor on the server may live.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import Q

from spool_live import outbox
from spool_live.capture import transitions
from spool_live.capture.bulk import CHUNK, chunks
from spool_live.capture.meaning import snapshot, updates_of
from spool_live.capture.transitions import Transition
from spool_live.collections import LiveCollection, registry
from spool_live.metadata import metadata_json
from spool_live.models import OutboxEntry, SiteDelivery
from spool_live.updates import EventType, LiveUpdateData

_ADDED = ("previous_slug", "published")
"""Metadata that a transition adds to the collection's own."""

Recorded = tuple[uuid.UUID, LiveUpdateData]


@dataclass(frozen=True)
class Finding:
    """An item, what is wrong, and the updates that would put it right."""

    collection: str
    item_id: uuid.UUID
    problem: str
    updates: list[Recorded]


def audit(using: str) -> Iterator[Finding]:
    """What the outbox of ``using`` has not been told, collection by collection."""
    purged = set(
        SiteDelivery.objects.using(using).filter(history_floor__gt=0).values_list("pk", flat=True)
    )
    for collection in registry:
        newest = _newest_entries(using, collection)
        items = collection.model._base_manager.using(using).order_by("pk")
        for chunk in chunks(items.iterator(chunk_size=CHUNK)):
            told = {item.pk: newest.pop(collection.item_id_of(item).bytes, None) for item in chunk}
            entries = OutboxEntry.objects.using(using).in_bulk(filter(None, told.values()))
            for item in chunk:
                yield from _look_at(collection, item, entries.get(told[item.pk] or 0), purged)
        for pks in chunks(newest.values()):
            left = OutboxEntry.objects.using(using).filter(pk__in=pks).order_by("pk")
            for entry in left.exclude(event_type=EventType.DELETED):
                yield _gone(collection, entry)


def repair(using: str, findings: Iterable[Finding]) -> int:
    """Records what was missed, by one INSERT (inside ``batch()``, at its end). Returns the number
    of updates."""
    updates = [update for finding in findings for update in finding.updates]
    outbox.record(updates, using=using)
    return len(updates)


def _newest_entries(using: str, collection: LiveCollection) -> dict[bytes, int]:
    """The primary key of the newest entry of each item, by the bytes of the item's id: all that is
    held of every item at a time."""
    told = OutboxEntry.objects.using(using).filter(
        ~Q(state__in=[OutboxEntry.State.MERGED, OutboxEntry.State.DROPPED]),
        collection=collection.name,
    )
    pairs = told.order_by("pk").values_list("item_id", "pk").iterator(chunk_size=CHUNK)
    return {item_id.bytes: pk for item_id, pk in pairs}


def _look_at(
    collection: LiveCollection, item: Any, entry: OutboxEntry | None, purged: set[uuid.UUID]
) -> Iterator[Finding]:
    def tell() -> list[Transition]:
        now = snapshot(collection, item)
        if entry is None:
            return [] if now.site_id in purged else transitions.born(now)
        if entry.event_type == EventType.DELETED:
            return transitions.born(now)
        if not now.visible:
            return []
        found = transitions.changed(now, now)
        slug_changed = entry.slug is not None and entry.slug != now.slug
        extra = {"previous_slug": entry.slug} if slug_changed else {}
        if now.published and entry.metadata.get("published") is False:
            return [Transition(t.site_id, EventType.PUBLISHED, t.slug, extra) for t in found]
        return [Transition(t.site_id, t.event_type, t.slug, extra) for t in found]

    updates = updates_of(collection, item, tell)
    if not updates:
        return
    if entry is None or entry.event_type == EventType.DELETED:
        problem = "never announced" if entry is None else "announced as deleted"
        yield Finding(collection.name, collection.item_id_of(item), problem, updates)
    elif any(_differs(entry, site_id, data) for site_id, data in updates):
        yield Finding(collection.name, entry.item_id, "changed since", updates)


def _differs(entry: OutboxEntry, site_id: uuid.UUID, data: LiveUpdateData) -> bool:
    now = json.loads(metadata_json(data.metadata))
    then = {name: v for name, v in entry.metadata.items() if name in now or name not in _ADDED}
    return (entry.site_id, entry.slug, then) != (site_id, data.slug, now)


def _gone(collection: LiveCollection, entry: OutboxEntry) -> Finding:
    deleted = LiveUpdateData(
        event_type=EventType.DELETED,
        collection=collection.name,
        item_id=entry.item_id,
        slug=entry.slug,
    )
    problem = "gone without a word"
    return Finding(collection.name, entry.item_id, problem, [(entry.site_id, deleted)])
