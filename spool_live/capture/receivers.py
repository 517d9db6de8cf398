"""The receivers: each asks what a change means and has it recorded, in the edit's transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from django.db.models import ManyToManyField, Model

from spool_live import outbox
from spool_live.capture import meaning, relations, stored, transitions
from spool_live.capture.meaning import snapshot
from spool_live.capture.plan import Plan
from spool_live.capture.stored import KnownSite, Recorded
from spool_live.capture.transitions import Snapshot, Transition
from spool_live.collections import LiveCollection, registry


def before_save(
    plan: Plan, /, sender: type[Model], instance: Model, raw: bool, using: str, **kwargs: Any
) -> None:
    """Remembers the row as it is stored, where a collection needs it."""
    stored.mark_fixture(instance, raw=raw)
    if not raw:
        stored.remember(plan, sender, instance, using)


def after_save(
    plan: Plan,
    /,
    sender: type[Model],
    instance: Model,
    created: bool,
    raw: bool,
    using: str,
    update_fields: Iterable[str] | None = None,
    **kwargs: Any,
) -> None:
    """Records what the save of ``instance`` means. Fixtures (``raw``) record nothing."""
    if raw:
        return
    row = stored.take(plan, instance, update_fields, created=created)
    item = stored.as_stored(instance, row, update_fields)
    for collection in plan.collections:
        _record(collection, item, using, partial(_meaning_of_save, collection, row, item, created))


def before_delete(sender: type[Model], instance: Model, using: str, **kwargs: Any) -> None:
    """Finds out what the deletion of ``instance`` means while all that it refers to is still there.

    Parents of ``instance`` have a ``pre_delete`` of their own.
    """
    updates: list[Recorded] = []
    for collection in registry:
        own = collection.model._meta.concrete_model is sender._meta.concrete_model
        if own and not collection.is_left_to_trigger(using):
            tell = partial(_meaning_of_delete, collection, instance)
            updates += meaning.updates_of(collection, instance, tell)
    stored.note_deletion(instance, updates)


def after_delete(sender: type[Model], instance: Model, using: str, **kwargs: Any) -> None:
    """Records the deletion, in its transaction: whoever saved the item before us has recorded that
    by now, as our DELETE had to wait for them."""
    outbox.record(stored.take_deletion(instance), using=using)


def after_m2m_change(
    collection: LiveCollection,
    field: ManyToManyField[Any, Any],
    /,
    instance: Model,
    action: str,
    reverse: bool,
    pk_set: set[Any] | None,
    using: str,
    **kwargs: Any,
) -> None:
    """Records an update of each item whose relations changed. Fixtures record nothing."""
    if kwargs.get("raw", stored.is_fixture(instance)):
        return
    for item in relations.changed_items(
        collection, field, instance, action, reverse, pk_set, using
    ):
        _record(collection, item, using, partial(_meaning_of_touch, collection, item))


def _meaning_of_save(
    collection: LiveCollection, row: Model | KnownSite | None, item: Model, created: bool
) -> list[Transition]:
    after = snapshot(collection, item)
    if created:
        return transitions.born(after)
    if row is None:
        return transitions.changed(after, after)
    if isinstance(row, KnownSite):
        known = Snapshot(stored.site_uuid(row.site_id))
        return transitions.changed(
            known, after if row.written else Snapshot(known.site_id, *after[1:])
        )
    return transitions.changed(snapshot(collection, row), after)


def _meaning_of_delete(collection: LiveCollection, item: Model) -> list[Transition]:
    return transitions.gone(snapshot(collection, item))


def _meaning_of_touch(collection: LiveCollection, item: Model) -> list[Transition]:
    now = snapshot(collection, item)
    return transitions.changed(now, now)


def _record(
    collection: LiveCollection, item: Model, using: str, tell: Callable[[], list[Transition]]
) -> None:
    updates = meaning.updates_of(collection, item, tell)
    if updates:
        outbox.record(updates, using=using)
