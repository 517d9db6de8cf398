"""The audit: it finds items whose current state was never reported to subscribers.

It compares each item with the newest outbox entries about it: whether the item exists, its site,
whether it is published and visible, its slug, and the metadata that its collection would give it
now. A change that shows in none of these is not found. Where a site's history was purged, entries
that are missing are presumed to have been reported. Items and entries are read in chunks through
server-side cursors, so run the audit inside a transaction.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from django.db.models import Model, Q
from django.db.models.fields.json import KT

from spool_live import outbox
from spool_live.capture import transitions
from spool_live.capture.meaning import Meaning, snapshot
from spool_live.capture.reading import CHUNK, chunks
from spool_live.capture.transitions import ADDED, Recorded, Snapshot, Transition
from spool_live.collections import LiveCollection, registry
from spool_live.metadata import metadata_json
from spool_live.models import OutboxEntry, SiteDelivery
from spool_live.tags import CACHE_TAGS
from spool_live.updates import EventType, LiveUpdateData

_NOT_COMPARED = (*ADDED, CACHE_TAGS)


class UnreportedItem(StrEnum):
    """The change of an item that subscribers do not know of."""

    NEVER = "never recorded"
    RETURNED = "recorded as deleted"
    PUBLISHED = "published since"
    UNPUBLISHED = "unpublished since"
    HIDDEN = "hidden since"
    CHANGED = "changed since"
    MOVED = "moved to another site since"
    DELETED = "deleted since"


@dataclass(frozen=True)
class MissedUpdate:
    """An item that the audit found: the problem, and the updates that would correct it. ``item`` is
    ``None`` where the item no longer exists."""

    collection: LiveCollection
    item_id: uuid.UUID
    item: Model | None
    slug: str | None
    problem: UnreportedItem
    updates: list[Recorded]


class Known(NamedTuple):
    """What a site last received about an item: the primary key of the newest entry, and the state
    that this entry or an earlier one reported (``"created"``, ``"published"``, ``"unpublished"``,
    ``"deleted"``; else empty)."""

    site_id: uuid.UUID
    entry: int
    state: str


def audit(using: str) -> Iterator[MissedUpdate]:
    """Yield each item on the alias ``using`` whose current state has no entry in the outbox,
    collection by collection."""
    purged = set(
        SiteDelivery.objects.using(using).filter(history_floor__gt=0).values_list("pk", flat=True)
    )
    for collection in registry:
        known = _known_of_items(using, collection)
        items = collection.model._base_manager.using(using).order_by("pk")
        for chunk in chunks(items.iterator(chunk_size=CHUNK)):
            recorded = {item.pk: known.pop(collection.item_id_of(item).bytes, ()) for item in chunk}
            entries = _entries(using, recorded.values())
            for item in chunk:
                yield from _look_at(collection, item, recorded[item.pk], entries, purged)
        for without_item in chunks(known.values()):
            for entry in _entries(using, without_item).values():
                if entry.event_type != EventType.DELETED:
                    yield _deletion(collection, None, entry, UnreportedItem.DELETED)


def repair(using: str, findings: Iterable[MissedUpdate]) -> int:
    """Record the updates of ``findings`` by one INSERT (inside ``batch()``, at its end). Return the
    number of updates."""
    updates = [update for finding in findings for update in finding.updates]
    outbox.record(updates, using=using)
    return len(updates)


def _known_of_items(using: str, collection: LiveCollection) -> dict[bytes, tuple[Known, ...]]:
    """Return what was last recorded of each item for each site, keyed by the bytes of the item's
    id. Nothing else is held in memory for all items at once."""
    recorded = OutboxEntry.objects.using(using).filter(
        ~Q(state__in=[OutboxEntry.State.MERGED, OutboxEntry.State.DROPPED]),
        collection=collection.name,
    )
    columns = ("item_id", "site_id", "pk", "event_type", "unpublished")
    found = recorded.annotate(unpublished=KT("metadata__published")).order_by("pk")
    known: dict[bytes, tuple[Known, ...]] = {}
    for item_id, site_id, pk, event, published in found.values_list(*columns).iterator(CHUNK):
        others = known.get(item_id.bytes, ())
        before = next((k.state for k in others if k.site_id == site_id), "")
        now = Known(site_id, pk, _state(event, published, before))
        known[item_id.bytes] = (*(k for k in others if k.site_id != site_id), now)
    return known


def _state(event: str, published: Any, before: str) -> str:
    if event != EventType.UPDATED:
        return event.removeprefix("content.")
    if str(published).lower() in ("false", "0"):
        return "unpublished"
    return "" if before == "deleted" else before


def _entries(using: str, known: Iterable[tuple[Known, ...]]) -> dict[int, OutboxEntry]:
    pks = [k.entry for of_item in known for k in of_item]
    return OutboxEntry.objects.using(using).order_by("pk").in_bulk(pks)


def _look_at(
    collection: LiveCollection,
    item: Model,
    recorded: tuple[Known, ...],
    entries: dict[int, OutboxEntry],
    purged: set[uuid.UUID],
) -> Iterator[MissedUpdate]:
    here: Known | None = None
    problem: UnreportedItem | None = None
    with Meaning(collection, item) as meaning:
        now = snapshot(collection, item)
        here = next((known for known in recorded if known.site_id == now.site_id), None)
        if here is not None:
            entry = entries[here.entry]
            problem, meaning.transitions = _compared(now, here, entry, collection)
        elif now.site_id not in purged:
            problem, meaning.transitions = UnreportedItem.NEVER, transitions.created(now)
    if not meaning.is_determined:
        return
    updates = meaning.updates()
    if updates and here is not None and problem is UnreportedItem.CHANGED:
        entry = entries[here.entry]
        updates = updates if any(_differs(entry, data) for _, data in updates) else []
    if updates and problem is not None:
        item_id = collection.item_id_of(item)
        yield MissedUpdate(collection, item_id, item, updates[0][1].slug, problem, updates)
    for known in recorded:
        if known is not here and known.state != "deleted":
            yield _deletion(collection, item, entries[known.entry], UnreportedItem.MOVED)


def _compared(
    now: Snapshot, here: Known, entry: OutboxEntry, collection: LiveCollection
) -> tuple[UnreportedItem, list[Transition]]:
    if here.state == "deleted":
        return UnreportedItem.RETURNED, transitions.created(now)
    if not now.visible:
        is_reported = here.state == "unpublished"
        return UnreportedItem.HIDDEN, [] if is_reported else transitions.deleted(
            now._replace(visible=True)
        )
    then = now._replace(slug=entry.slug)
    if collection.has_publish_state and here.state:
        then = then._replace(published=here.state == "published")
    found = transitions.changed(then, now)
    if then.published and not now.published:
        return UnreportedItem.UNPUBLISHED, found
    if now.published and not then.published:
        return UnreportedItem.PUBLISHED, found
    return UnreportedItem.CHANGED, found


def _differs(entry: OutboxEntry, data: LiveUpdateData) -> bool:
    now = json.loads(metadata_json(data.metadata))
    now = {name: value for name, value in now.items() if name not in _NOT_COMPARED}
    then = {name: value for name, value in entry.metadata.items() if name not in _NOT_COMPARED}
    return (entry.slug, then) != (data.slug, now)


def _deletion(
    collection: LiveCollection, item: Model | None, entry: OutboxEntry, problem: UnreportedItem
) -> MissedUpdate:
    deleted = LiveUpdateData(
        event_type=EventType.DELETED,
        collection=collection.name,
        item_id=entry.item_id,
        slug=entry.slug,
    )
    updates = [(entry.site_id, deleted)]
    return MissedUpdate(collection, entry.item_id, item, entry.slug, problem, updates)
