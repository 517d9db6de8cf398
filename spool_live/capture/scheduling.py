"""Publishing by the clock: an update is recorded at the moments in ``published_from`` and
``published_until``, although the item is not saved then.

A save that stores a future moment also writes a ``ScheduledMoment``, in the same transaction. The
sweep adds those that it finds in the project's tables for the next few minutes: moments that were
stored before the app was installed, or written by SQL. Moments that are due are deleted, and their
updates recorded, in one transaction: so each is recorded once, and late only if the sweep is late.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import DatabaseError, connections, router, transaction
from django.db.models import Model, Q, QuerySet
from django.utils import timezone

from spool_live import outbox
from spool_live.capture import transitions
from spool_live.capture.meaning import Meaning, report, snapshot
from spool_live.capture.reading import chunks, rows_of
from spool_live.capture.transitions import Recorded
from spool_live.collections import LiveCollection, registry
from spool_live.models import ScheduledMoment
from spool_live.signals import sweeping

AHEAD = timedelta(minutes=5)
"""How far the sweep looks ahead for moments that no save has noted."""
LOOK_EVERY = 5.0
"""Seconds after which a process looks ahead again."""
MAX_AHEAD = 10_000
"""Most moments of one field that are read within that time."""
MAX_DUE = 500
"""Most moments that one sweep of a database handles; the rest are left to the next one."""
_INSTANT = timedelta(microseconds=1)
_looked: dict[str, float] = {}


def connect() -> None:
    """Connect to every sweep. Where this part fails, Django logs it and the other parts go on.
    Connecting twice is harmless."""
    sweeping.connect(_sweep, dispatch_uid="spool_live.scheduling")


def note(using: str, items: Iterable[tuple[LiveCollection, Model]]) -> None:
    """Store the future moments of ``items``, in the transaction that saved them."""
    now = timezone.now()
    moments = [
        _moment(collection, item.pk, item, at)
        for collection, item in items
        if collection.moment_fields
        for at in _moments(collection, item)
        if at > now
    ]
    _write(using, moments)


def look_ahead(using: str, now: datetime | None = None) -> int:
    """Store the moments within the next minutes that no save has stored; return how many."""
    now = now or timezone.now()
    noted = 0
    for collection in _scheduled(using):
        for name in collection.moment_fields:
            window = {f"{name}__gt": now, f"{name}__lte": now + AHEAD}
            rows = collection.model._base_manager.using(using).filter(**window)
            coming = list(rows.order_by(name).values_list("pk", name)[:MAX_AHEAD])
            if coming:
                noted += _note_unknown(using, collection, coming)
    return noted


def record_due(using: str, now: datetime | None = None) -> int:
    """Record what happens at the moments that are due, at most ``MAX_DUE`` of them. Return the
    number of updates recorded."""
    now = now or timezone.now()
    if not ScheduledMoment.objects.using(using).filter(at__lte=now).exists():
        return 0
    features = connections[using].features
    with transaction.atomic(using=using):
        due: QuerySet[ScheduledMoment] = ScheduledMoment.objects.using(using).filter(at__lte=now)
        if features.has_select_for_update:
            due = due.select_for_update(skip_locked=features.has_select_for_update_skip_locked)
        found = list(due.order_by("at", "pk")[:MAX_DUE])
        updates, handled = _meaning_of(using, found, now)
        rows = ScheduledMoment.objects.using(using).filter(pk__in=handled)
        deleted, _ = rows.delete()
        if deleted < len(handled):  # another process was faster, where rows cannot be locked
            transaction.set_rollback(True, using=using)
            return 0
        outbox.record(updates, using=using)
    return len(updates)


def forget() -> None:
    """Let the next sweep look ahead, however recently this process did."""
    _looked.clear()


def _sweep(using: str, clock: Callable[[], float] = time.monotonic, **kwargs: Any) -> None:
    if clock() - _looked.get(using, 0) >= LOOK_EVERY:
        _looked[using] = clock()
        look_ahead(using)
    elif not any(True for _ in _scheduled(using)):
        return  # moments of collections that no longer exist wait for the next look ahead
    record_due(using)


def _meaning_of(
    using: str, due: list[ScheduledMoment], now: datetime
) -> tuple[list[Recorded], list[int]]:
    """Return the updates to record, and the primary keys of the moments that they handle. The
    moments of an item that an editor's transaction has locked are left to a later sweep."""
    updates: list[Recorded] = []
    handled: list[int] = []
    for collection in _scheduled(using):
        own = [moment for moment in due if moment.collection == collection.name]
        items, busy = _items(using, collection, own) if own else ({}, set())
        for moment in own:
            if moment.item_id in busy:
                continue
            handled.append(moment.pk)
            item = items.get(moment.item_id)
            if item is not None:
                updates += _of_moment(using, collection, item, moment.at, now)
    known = {collection.name for collection in _scheduled(using)}
    handled += [moment.pk for moment in due if moment.collection not in known]
    return updates, handled


def _of_moment(
    using: str, collection: LiveCollection, item: Model, at: datetime, now: datetime
) -> list[Recorded]:
    if at not in _moments(collection, item):
        return []  # the moment was changed since, and that was recorded
    try:
        with transaction.atomic(using=using):  # an error of one item does not affect others
            with Meaning(collection, item) as meaning:
                before = snapshot(collection, item, at - _INSTANT)
                after = snapshot(collection, item, now)
                if before.published != after.published:
                    meaning.transitions = transitions.changed(before, after)
            return meaning.updates()
    except DatabaseError as error:
        report(collection, "determine what a moment means (run live_audit --repair)", item, error)
        return []


def _items(
    using: str, collection: LiveCollection, moments: list[ScheduledMoment]
) -> tuple[dict[Any, Model], set[Any]]:
    """Return the items by id, locked; and the ids of those that another transaction has locked."""
    keys: dict[Any, Any] = {}
    for moment in moments:
        try:
            keys[collection.model._meta.pk.to_python(moment.item_key)] = moment.item_id
        except ValidationError:
            continue
    rows = rows_of(collection.model, using, Q(pk__in=list(keys)))
    features = connections[using].features
    if not features.has_select_for_update_skip_locked:
        return {keys[item.pk]: item for item in rows}, set()
    if features.has_select_for_update_of:
        free = rows.select_for_update(
            skip_locked=True, of=("self",), no_key=features.has_select_for_no_key_update
        )
    elif collection.site_relations:
        free = rows
    else:
        free = rows.select_for_update(skip_locked=True)
    items = {keys[item.pk]: item for item in free}
    stored = collection.model._base_manager.using(using).filter(pk__in=list(keys))
    busy = {keys[pk] for pk in stored.values_list("pk", flat=True)} - items.keys()
    return items, busy


def _note_unknown(
    using: str, collection: LiveCollection, coming: list[tuple[Any, datetime]]
) -> int:
    first, last = coming[0][1], coming[-1][1]
    rows = ScheduledMoment.objects.using(using).filter(
        collection=collection.name, at__gte=first, at__lte=last
    )
    known = set(rows.values_list("item_key", "at"))
    unknown = [
        _moment(collection, pk, collection.model(pk=pk), at)
        for pk, at in coming
        if (str(pk), at) not in known
    ]
    _write(using, unknown)
    return len(unknown)


def _scheduled(using: str) -> Iterator[LiveCollection]:
    for collection in registry:
        if collection.moment_fields and router.allow_migrate_model(using, collection.model):
            yield collection


def _moments(collection: LiveCollection, item: Model) -> tuple[datetime, ...]:
    try:
        return collection.moments_of(item)
    except Exception as error:  # noqa: BLE001 - the checks say what is declared wrongly
        report(collection, "determine when to publish", item, error)
        return ()


def _moment(collection: LiveCollection, pk: Any, item: Model, at: datetime) -> ScheduledMoment:
    return ScheduledMoment(
        collection=collection.name, item_id=collection.item_id_of(item), item_key=str(pk), at=at
    )


def _write(using: str, moments: list[ScheduledMoment]) -> None:
    for chunk in chunks(moments):
        ScheduledMoment.objects.using(using).bulk_create(chunk, ignore_conflicts=True)
