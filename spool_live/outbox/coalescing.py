"""Coalescing: several waiting updates of one item become one, before they get a number.

Declared per collection: ``coalesce = True`` merges updates of an item that happen to wait at the
same time; ``coalesce = timedelta(seconds=30)`` also makes a ``content.updated`` wait that long for
others. A publication or a deletion is never merged away.
"""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, Q, QuerySet
from django.utils import timezone

from spool_live.collections import registry
from spool_live.conf import live_settings
from spool_live.metadata import metadata_json, read_metadata
from spool_live.models import OutboxEntry, SiteDelivery
from spool_live.outbox.entries import ClaimedEntry, read_entries
from spool_live.tags import CACHE_TAGS, fitting
from spool_live.updates import EventType

CREATED, UPDATED, PUBLISHED, DELETED = (
    EventType.CREATED.value,
    EventType.UPDATED.value,
    EventType.PUBLISHED.value,
    EventType.DELETED.value,
)
_BECOMES = {
    (CREATED, UPDATED): CREATED,
    (CREATED, PUBLISHED): PUBLISHED,
    (UPDATED, UPDATED): UPDATED,
    (UPDATED, PUBLISHED): PUBLISHED,
    (UPDATED, DELETED): DELETED,
    (PUBLISHED, UPDATED): PUBLISHED,
}
"""The event type of the merged update, by those of the earlier and the later one."""
_CREATED_THEN_DELETED = (CREATED, DELETED)


def windows() -> dict[str, timedelta]:
    """Return how long updates wait for others, by the name of each coalesced collection."""
    declared = {collection.name: collection.coalesce for collection in registry.declared()}
    return {
        name: given if isinstance(given, timedelta) else timedelta(0)
        for name, given in declared.items()
        if given
    }


def is_held(now: datetime) -> Q:
    """Return the condition on ``OutboxEntry`` for updates that still wait for others of their item.

    An entry that others were already merged into does not wait again, nor does one whose timestamp
    lies in the future because the clock was set back.
    """
    held = Q(pk__in=[])
    for name, window in windows().items():
        if window:
            held |= Q(
                collection=name,
                event_type=UPDATED,
                seq=None,
                merged=0,
                timestamp__gt=now - window,
                timestamp__lte=now,
            )
    return held


def held_parameters(now: datetime) -> dict[str, Any]:
    """Return the parameters of the SQL fragment that expresses ``is_held``."""
    held = {name: window for name, window in windows().items() if window}
    return {"now": now, "held": list(held), "windows": list(held.values())}


def coalesce_waiting(using: str, site_ids: Collection[uuid.UUID], now: datetime) -> None:
    """Merge the next waiting updates of coalesced collections, and write the result.

    To be called under the lease of ``site_ids``, before the entries get their numbers.
    """
    known = windows()
    if not known:
        return
    ripe = _unnumbered(using, site_ids).filter(collection__in=known).exclude(is_held(now))
    mergeable = list(read_entries(ripe.order_by("id")[: live_settings().batch_limit]))
    windowed = [entry for entry in mergeable if known[entry.collection]]
    together = {e.pk: e for e in (*mergeable, *_others_of(using, windowed))}
    kept, absorbed = merge_all(together[pk] for pk in sorted(together))
    _write(using, kept, absorbed)


def merge_all(entries: Iterable[ClaimedEntry]) -> tuple[list[ClaimedEntry], list[ClaimedEntry]]:
    """Return the entries that are kept of ``entries`` (oldest first), and those merged away. Pure.

    Of the entries that become one, the oldest is kept, and reports the newest state. If a later one
    were kept, the item might be delivered after another one that refers to it.
    """
    runs: dict[tuple[uuid.UUID, str, uuid.UUID], list[ClaimedEntry]] = {}
    absorbed: list[ClaimedEntry] = []
    for entry in entries:
        run = runs.setdefault((entry.site_id, entry.collection, entry.item_id), [])
        last = run[-1] if run else None
        if last is not None and (last.event_type, entry.event_type) == _CREATED_THEN_DELETED:
            absorbed += (run.pop(), entry)
        elif last is not None and (one := merged(last, entry)) is not None:
            run[-1] = one
            absorbed.append(entry)
        else:
            run.append(entry)
    return [entry for run in runs.values() for entry in run], absorbed


def merged(first: ClaimedEntry, second: ClaimedEntry) -> ClaimedEntry | None:
    """Return ``first`` with ``second`` merged into it, or ``None`` if both must be delivered.

    That is so for some pairs of event types, and if the metadata of either cannot be read.
    """
    event = _BECOMES.get((first.event_type, second.event_type))
    try:
        before, after = read_metadata(first.metadata), read_metadata(second.metadata)
    except ValueError:
        return None
    if event is None or (first.event_type == PUBLISHED and after.get("published") is False):
        return None
    metadata = dict(after)
    if event == UPDATED and before.get("published") is False:
        metadata["published"] = False
    if CACHE_TAGS in before or CACHE_TAGS in after:
        metadata[CACHE_TAGS] = _tags_of_both(before, after)
    metadata.pop("previous_slug", None)
    known = before.get("previous_slug", after.get("previous_slug"))
    if known not in (None, second.slug) and first.event_type != CREATED:
        metadata["previous_slug"] = known
    return replace(
        first,
        event_type=event,
        slug=second.slug,
        timestamp=second.timestamp,
        metadata=metadata_json(metadata),
        merged=first.merged + second.merged + 1,
    )


def _tags_of_both(before: dict[str, Any], after: dict[str, Any]) -> Any:
    """Return the cache tags of both changes; the newer value if a project's own is not a list."""
    tags = [before.get(CACHE_TAGS, []), after.get(CACHE_TAGS, [])]
    if not all(isinstance(one, list) for one in tags):
        return after.get(CACHE_TAGS, before.get(CACHE_TAGS))
    return fitting([*tags[1], *tags[0]])


def _others_of(using: str, entries: Sequence[ClaimedEntry]) -> Iterable[ClaimedEntry]:
    """Return all unnumbered entries of the items of ``entries``: also later ones that still wait
    for others, or are beyond this batch."""
    if not entries:
        return ()
    waiting = _unnumbered(using, {entry.site_id for entry in entries}).filter(
        collection__in={entry.collection for entry in entries},
        item_id__in={entry.item_id for entry in entries},
    )
    return read_entries(waiting.order_by("id"))


def _unnumbered(using: str, site_ids: Iterable[uuid.UUID]) -> QuerySet[OutboxEntry]:
    waiting = OutboxEntry.objects.using(using).filter(state=OutboxEntry.State.PENDING, seq=None)
    return waiting.filter(site_id__in=list(site_ids))


def _write(using: str, kept: Sequence[ClaimedEntry], absorbed: Sequence[ClaimedEntry]) -> None:
    if not absorbed:
        return
    outbox = OutboxEntry.objects.using(using)
    outbox.filter(pk__in=[entry.pk for entry in absorbed]).update(
        state=OutboxEntry.State.MERGED, settled_at=timezone.now()
    )
    outbox.bulk_update(
        [_as_model(entry) for entry in kept if entry.merged],
        ["event_type", "slug", "timestamp", "metadata", "merged"],
        batch_size=100,
    )
    for site_id, number in Counter(entry.site_id for entry in absorbed).items():
        state = SiteDelivery.objects.using(using).filter(pk=site_id)
        state.update(merged=F("merged") + number)


def _as_model(entry: ClaimedEntry) -> OutboxEntry:
    values: dict[str, Any] = {
        "event_type": entry.event_type,
        "slug": entry.slug,
        "timestamp": entry.timestamp,
        "metadata": json.loads(entry.metadata),
        "merged": entry.merged,
    }
    return OutboxEntry(pk=entry.pk, **values)
