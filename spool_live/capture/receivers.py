"""The receivers of deletions and of many-to-many changes. Django sends these signals inside the
transaction of the change."""

from __future__ import annotations

from typing import Any

from django.db.models import ManyToManyField, Model

from spool_live import outbox
from spool_live.capture import relations, restoring, stored, transitions
from spool_live.capture.meaning import Meaning, snapshot
from spool_live.capture.plan import plan_of
from spool_live.capture.transitions import Recorded
from spool_live.collections import LiveCollection, has_triggers, registry

_DELETIONS = "spool_live_deletions"


def before_delete(
    sender: type[Model], instance: Model, using: str, origin: Any = None, **kwargs: Any
) -> None:
    """Determine what the deletion of ``instance`` means while everything it refers to still exists.

    With multi-table inheritance Django sends ``pre_delete`` for each parent, too.
    """
    collections = [
        collection
        for collection in registry
        if collection.model._meta.concrete_model is sender._meta.concrete_model
        and not collection.is_left_to_trigger(using)
    ]
    updates: list[Recorded] = []
    item = _stored(instance, using, origin) if collections else None
    for collection in collections:
        if item is not None:
            with Meaning(collection, item) as meaning:
                meaning.transitions = transitions.deleted(snapshot(collection, item))
            updates += meaning.updates()
    instance._state.__dict__.setdefault(_DELETIONS, []).append(updates)


def after_delete(sender: type[Model], instance: Model, using: str, **kwargs: Any) -> None:
    """Record the deletion in its transaction. A concurrent save of the item has recorded its update
    by now, because the DELETE had to wait for it."""
    pending: list[list[Recorded]] = instance._state.__dict__.get(_DELETIONS, [])
    outbox.record(pending.pop() if pending else [], using=using)


def notify_worker(using: str, **kwargs: Any) -> None:
    """Notify a worker, after the commit, of the deletion that a trigger records."""
    if has_triggers(using):
        outbox.notify(using=using)


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
    """Record an update of each item whose relations changed. Fixtures record nothing."""
    if kwargs.get("raw", stored.is_fixture(instance)) and not restoring.is_active():
        return
    updates: list[Recorded] = []
    for changed in relations.changed_items(
        collection, field, instance, action, reverse, pk_set, using
    ):
        item = stored.as_stored(plan_of(type(changed), using), changed, using)
        with Meaning(collection, item) as meaning:
            meaning.transitions = transitions.touched(snapshot(collection, item))
        updates += meaning.updates()
    outbox.record(updates, using=using)


def _stored(instance: Model, using: str, origin: Any) -> Model | None:
    """Return ``instance`` as the database has it; ``None`` where it no longer exists.

    Django has just read the objects that it collects for a deletion. The instance that the project
    itself deletes may have been read long ago, so its row is read again where states are compared.
    (With multi-table inheritance Django makes the parent from the values of the child.)
    """
    plan = plan_of(type(instance), using)
    given = origin is instance or (isinstance(origin, type(instance)) and origin.pk == instance.pk)
    if given and (plan.compares or stored.is_moved_in_memory(plan, instance)):
        return stored.fetch(plan, instance, using, lock=True)
    return stored.as_stored(plan, instance, using)
