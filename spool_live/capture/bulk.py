"""Changes that Django sends no signals for: ``QuerySet.update``, ``bulk_create``, raw SQL.

``LiveQuerySet`` records them by itself; ``record_changes`` records what was done in another way.
Both write one INSERT for any number of items.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import partial, reduce
from itertools import islice
from operator import or_
from typing import Any, TypeVar

from django.db import connections
from django.db.models import Manager, Model, Q, QuerySet

from spool_live import outbox
from spool_live.capture import transitions
from spool_live.capture.meaning import snapshot, updates_of
from spool_live.capture.transitions import Snapshot, Transition
from spool_live.collections import LiveCollection, registry
from spool_live.updates import EventType, LiveUpdateData

M = TypeVar("M", bound=Model)
T = TypeVar("T")
CHUNK = 1000
"""Items whose keys or rows are in one statement, well below every database's limit."""

_MEANINGS: dict[EventType, Callable[[Snapshot], list[Transition]]] = {
    EventType.CREATED: transitions.born,
    EventType.UPDATED: lambda now: transitions.changed(now, now),
    EventType.PUBLISHED: lambda now: [
        Transition(t.site_id, EventType.PUBLISHED, t.slug) for t in transitions.changed(now, now)
    ],
    EventType.DELETED: transitions.gone,
}


def record_changes(
    items: QuerySet[Any] | Iterable[Model],
    event_type: EventType | str = EventType.UPDATED,
    *,
    using: str | None = None,
) -> int:
    """Records ``event_type`` for each of ``items``, by one INSERT; returns how many it recorded.

    For content that was changed by raw SQL, ``loaddata`` or a data migration: call it in the same
    transaction (for deletions before them, while the items can still be read). ``using`` defaults
    to the query's database, or the first item's. Items that belong to no site, that their
    collection leaves out, whose changes a trigger has recorded, or whose model is not registered
    are passed over.
    """
    tell = _MEANINGS[EventType(event_type)]
    found = list(items)
    if not found:
        return 0
    alias = using or (items.db if isinstance(items, QuerySet) else found[0]._state.db or "default")
    updates = [
        update
        for item in found
        for collection in registry.recorded_by_signals(type(item), alias)
        for update in updates_of(collection, item, partial(_told, tell, collection, item))
    ]
    outbox.record(updates, using=alias)
    return len(updates)


class LiveQuerySet(QuerySet[M]):
    """A ``QuerySet`` whose bulk writes are recorded: ``objects = LiveQuerySet.as_manager()``.

    ``update`` and ``bulk_update`` read the items before and after, so that they mean what a save
    means (published, slug changed, moved); each write and its updates are one transaction.
    """

    def update(self, **kwargs: Any) -> int:
        """``QuerySet.update``, recorded. Two queries more for each thousand items."""
        if not registry.recorded_by_signals(self.model, self._written_to):
            return self._announced(super().update(**kwargs))
        rows = 0
        with outbox.batch(using=self._written_to):
            before = self._stored(Q(pk__in=self.order_by().values("pk")), lock=True)
            for pks in _chunks(before):
                rows += super(LiveQuerySet, self.filter(pk__in=pks)).update(**kwargs)
                after = self._stored(Q(pk__in=pks))
                _record(self._written_to, after.values(), before)
        return rows

    def bulk_create(
        self,
        objs: Iterable[M],
        batch_size: int | None = None,
        ignore_conflicts: bool = False,
        update_conflicts: bool = False,
        update_fields: Collection[str] | None = None,
        unique_fields: Collection[str] | None = None,
    ) -> list[M]:
        """``QuerySet.bulk_create``, recorded: creations, or changes of what was there before.

        Raises :class:`TypeError` for ``ignore_conflicts`` without primary keys: nobody can tell
        then what was created.
        """
        made = list(objs)
        create = partial(
            super().bulk_create,
            made,
            batch_size,
            ignore_conflicts,
            update_conflicts,
            update_fields,
            unique_fields,
        )
        if not registry.recorded_by_signals(self.model, self._written_to):
            return self._announced(create())
        with outbox.batch(using=self._written_to):
            if not (ignore_conflicts or update_conflicts):
                created = create()
                _record(self._written_to, created, {})
                return created
            same = _same(made, unique_fields if update_conflicts else ["pk"])
            before = {pk: row for q in same for pk, row in self._stored(q, lock=True).items()}
            created = create()
            after = {pk: row for q in same for pk, row in self._stored(q).items()}
            if ignore_conflicts:
                after = {pk: row for pk, row in after.items() if pk not in before}
            _record(self._written_to, after.values(), before)
            return created

    def bulk_update(
        self, objs: Iterable[M], fields: Iterable[str], batch_size: int | None = None
    ) -> int:
        """``QuerySet.bulk_update``, recorded: it calls :meth:`update`."""
        with outbox.batch(using=self._written_to):
            return super().bulk_update(objs, fields, batch_size)

    def delete(self) -> tuple[int, dict[str, int]]:
        """``QuerySet.delete``, which sends signals: their updates in one statement."""
        with outbox.batch(using=self._written_to):
            return super().delete()

    update.alters_data = True  # type: ignore[attr-defined]
    bulk_create.alters_data = True  # type: ignore[attr-defined]
    bulk_update.alters_data = True  # type: ignore[attr-defined]
    delete.alters_data = True  # type: ignore[attr-defined]
    delete.queryset_only = True  # type: ignore[attr-defined]

    @property
    def _written_to(self) -> str:
        self._for_write = True
        return self.db

    def _announced(self, written: T) -> T:
        """``written``, of which a trigger may have recorded something: then a worker is told."""
        if registry.of_model(self.model):
            outbox.announce(using=self._written_to)
        return written

    def _stored(self, chosen: Q, *, lock: bool = False) -> dict[Any, M]:
        """The rows that match ``chosen``, by primary key, as full instances."""
        using = self._written_to
        rows: QuerySet[M] = self.model._base_manager.using(using).filter(chosen).order_by("pk")
        remote = {
            "__".join(collection.site_path[:-1])
            for collection in registry.of_model(self.model)
            if len(collection.site_path) > 1
        }
        if remote:
            rows = rows.select_related(*remote)
        features = connections[using].features
        if lock and features.has_select_for_update_of:
            rows = rows.select_for_update(
                of=("self",), no_key=features.has_select_for_no_key_update
            )
        return {row.pk: row for row in rows}


LiveManager = Manager.from_queryset(LiveQuerySet)


def _record(using: str, items: Iterable[Model], before: dict[Any, Any]) -> None:
    updates: list[tuple[uuid.UUID, LiveUpdateData]] = []
    for item in items:
        row = before.get(item.pk)
        for collection in registry.recorded_by_signals(type(item), using):
            tell = partial(_meaning, collection, row, item)
            updates += updates_of(collection, item, tell)
    outbox.record(updates, using=using)


def _meaning(collection: LiveCollection, row: Model | None, item: Model) -> list[Transition]:
    after = snapshot(collection, item)
    if row is None:
        return transitions.born(after)
    return transitions.changed(snapshot(collection, row), after)


def _told(
    tell: Callable[[Snapshot], list[Transition]], collection: LiveCollection, item: Model
) -> list[Transition]:
    return tell(snapshot(collection, item))


def _same(items: Sequence[Model], names: Iterable[str] | None) -> list[Q]:
    """Conditions that find the stored rows that ``items`` meet, by the fields ``names``."""
    fields = list(names or ["pk"])
    if fields == ["pk"] and any(item.pk is None for item in items):
        raise TypeError(
            "bulk_create(ignore_conflicts=True) of items without primary keys cannot be recorded: "
            "nobody can tell which were created. Give them keys, or use "
            "Model._base_manager.bulk_create() and record_changes()."
        )
    if len(fields) == 1:
        (name,) = fields
        return [Q(**{f"{name}__in": [getattr(i, name) for i in c]}) for c in _chunks(items)]
    each = [Q(**{name: getattr(item, name) for name in fields}) for item in items]
    return [reduce(or_, chunk) for chunk in _chunks(each, CHUNK // 10)]


def _chunks(values: Iterable[Any], size: int = CHUNK) -> Iterator[list[Any]]:
    rest = iter(values)
    while chunk := list(islice(rest, size)):
        yield chunk
