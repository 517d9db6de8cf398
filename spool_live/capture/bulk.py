"""Changes that Django sends no signals for: ``QuerySet.update``, ``bulk_create``, raw SQL.

``LiveQuerySet`` records them by itself; ``record_changes`` records what was done in another way.
Both write one INSERT for each two thousand items, and hold no more than that in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial, reduce
from operator import or_
from typing import Any, Self, TypeVar, cast

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import Manager, Model, Q, QuerySet

from spool_live import outbox
from spool_live.capture import reading, scheduling, transitions
from spool_live.capture.meaning import Meaning, compared, snapshot
from spool_live.capture.reading import chunks, rows_of
from spool_live.capture.transitions import Recorded, Snapshot, Transition
from spool_live.collections import LiveCollection, registry
from spool_live.updates import EventType

M = TypeVar("M", bound=Model)
T = TypeVar("T")
_Rule = Callable[[Snapshot], list[Transition]]
_RULES: dict[str, _Rule] = {
    EventType.CREATED: transitions.created,
    EventType.UPDATED: transitions.touched,
    EventType.PUBLISHED: transitions.published,
    "unpublished": transitions.unpublished,
    EventType.DELETED: transitions.deleted,
}


def record_changes(
    items: QuerySet[Any] | Iterable[Model],
    event_type: EventType | str = EventType.UPDATED,
    *,
    using: str | None = None,
) -> int:
    """Record ``event_type`` for each of ``items``, two thousand per INSERT; return the number of
    updates recorded.

    ``event_type`` is one of the four event types, or ``"unpublished"``: an update with
    ``published: false``. ``content.published`` of an item that was published before is a
    republication: it never waits for further updates. Raises ``ValueError`` for anything else.

    For content that was changed by raw SQL, ``loaddata`` or a data migration: call it in the same
    transaction (before a deletion, while the items can still be read). ``using`` defaults to the
    query's database, or the first item's. Items are skipped if they belong to no site, their
    collection hides them, a trigger records their changes, or their model is not registered.
    """
    rule = _RULES.get(event_type)
    if rule is None:
        names = ", ".join(_RULES)
        raise ValueError(f"{event_type!r} is not an event type: use one of {names}")
    given = items if isinstance(items, QuerySet) else list(items)
    alias = using or (given.db if isinstance(given, QuerySet) else _alias_of(given))
    with outbox.batch(using=alias):  # a cursor on the server lives no longer than a transaction
        found = _some_at_a_time(given)
        return sum(_record(alias, chunk, rule) for chunk in chunks(found))


class LiveQuerySet(QuerySet[M]):
    """A ``QuerySet`` whose bulk writes are recorded: ``objects = LiveQuerySet.as_manager()``.

    ``update`` and ``bulk_update`` read the items before and after, so that they mean what a save
    means (published, slug changed, moved); each write and its updates are one transaction.
    """

    def update(self, **kwargs: Any) -> int:
        """Update as ``QuerySet.update`` does, and record it; return how many rows matched.

        It costs two more queries for each thousand items, and holds at most a thousand in memory.
        """
        if not registry.recorded_by_signals(self.model, self._written_to):
            return self._notified(super().update(**kwargs))
        rows = 0
        with outbox.batch(using=self._written_to):
            for before in self._chosen():
                rows += super(LiveQuerySet, self._exactly(before)).update(**kwargs)
                after = self._stored(Q(pk__in=list(before))).values()
                record_compared(self._written_to, after, before)
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
        """Insert as ``QuerySet.bulk_create`` does, and record creations, or changes of rows that
        existed before; return the objects.

        Raises ``TypeError`` for ``ignore_conflicts`` without primary keys: then it cannot be
        determined which objects were created.
        """
        objects = list(objs)
        create = partial(
            super().bulk_create,
            objects,
            batch_size,
            ignore_conflicts,
            update_conflicts,
            update_fields,
            unique_fields,
        )
        if not registry.recorded_by_signals(self.model, self._written_to):
            return self._notified(create())
        with outbox.batch(using=self._written_to):
            if not (ignore_conflicts or update_conflicts):
                created = create()
                for chunk in chunks(created):
                    record_compared(self._written_to, chunk, {})
                return created
            conflicts = _conflicts_of(objects, unique_fields if update_conflicts else ["pk"])
            before = {pk: row for q in conflicts for pk, row in self._stored(q, lock=True).items()}
            created = create()
            after = {pk: row for q in conflicts for pk, row in self._stored(q).items()}
            if ignore_conflicts:
                after = {pk: row for pk, row in after.items() if pk not in before}
            record_compared(self._written_to, after.values(), before)
            return created

    def bulk_update(
        self, objs: Iterable[M], fields: Iterable[str], batch_size: int | None = None
    ) -> int:
        """Update as ``QuerySet.bulk_update`` does, and record it; return how many rows matched."""
        with outbox.batch(using=self._written_to):
            return super().bulk_update(objs, fields, batch_size)

    def delete(self) -> tuple[int, dict[str, int]]:
        """Delete as ``QuerySet.delete`` does, and write the updates by one statement."""
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

    def _notified(self, written: T) -> T:
        """Notify a worker, because a trigger may have recorded the write; return ``written``, the
        result of the write."""
        if registry.of_model(self.model):
            outbox.notify(using=self._written_to)
        return written

    def _chosen(self) -> Iterator[dict[Any, M]]:
        """Yield the rows that the query finds, locked, in chunks: dicts by primary key."""
        chosen = Q(pk__in=self.order_by().values("pk"))
        first = {row.pk: row for row in self._rows(chosen, lock=True)[: reading.CHUNK + 1]}
        if first and len(first) <= reading.CHUNK:
            yield first
        elif first:
            first.clear()
            for pks in chunks(self._keys(chosen)):
                yield self._stored(Q(pk__in=pks), lock=True)

    def _keys(self, chosen: Q) -> Iterable[Any]:
        """Return the primary keys of the rows that match ``chosen``. All rows are locked at once,
        as one UPDATE would lock them; the keys are then read in chunks by a cursor, which does not
        see rows that are updated meanwhile."""
        locked = self._rows(chosen, lock=True).values_list("pk", flat=True)
        connection = connections[self._written_to]
        if connection.vendor != "postgresql":
            return list(locked)
        sql, params = locked.query.sql_with_params()
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM ({sql}) AS locked", params)  # noqa: S608 - Django's own SQL
        return self._rows(chosen).values_list("pk", flat=True).iterator(chunk_size=reading.CHUNK)

    def _exactly(self, pks: Iterable[Any]) -> Self:
        """Return the query with its annotations, for the rows ``pks`` and without its own
        conditions: one that reads other rows might no longer match once those are updated."""
        rows = self.all()
        rows.query.clear_where()
        return rows.filter(pk__in=list(pks))

    def _stored(self, chosen: Q, *, lock: bool = False) -> dict[Any, M]:
        """Return the rows that match ``chosen``, by primary key, as full instances."""
        return {row.pk: row for row in self._rows(chosen, lock=lock)}

    def _rows(self, chosen: Q, *, lock: bool = False) -> QuerySet[M]:
        return rows_of(self.model, self._written_to, chosen, lock=lock)


class LiveManager(Manager[M]):
    """A manager whose queries are a ``LiveQuerySet``: ``objects = LiveManager()``. With a query
    set of your own that derives from ``LiveQuerySet``:
    ``objects = LiveManager.from_queryset(OwnQuerySet)()``."""

    _queryset_class = LiveQuerySet

    def get_queryset(self) -> LiveQuerySet[M]:
        """Return a query set of all rows, in the database that was asked for."""
        return cast("LiveQuerySet[M]", super().get_queryset())


def _record(using: str, items: Iterable[Model], rule: _Rule) -> int:
    """Record the updates that ``rule`` derives from the current state of each of ``items``; return
    the number of updates."""
    updates: list[Recorded] = []
    changed = list(_by_signals(using, items))
    for collection, item in changed:
        with Meaning(collection, item) as meaning:
            meaning.transitions = rule(snapshot(collection, item))
        updates += meaning.updates()
    outbox.record(updates, using=using)
    scheduling.note(using, changed)
    return len(updates)


def record_compared(using: str, items: Iterable[Model], before: Mapping[Any, Model]) -> None:
    """Record how ``items`` differ from their earlier rows in ``before`` (by primary key); an item
    that is not in it is recorded as created."""
    updates: list[Recorded] = []
    changed = list(_by_signals(using, items))
    for collection, item in changed:
        row = before.get(item.pk)
        with Meaning(collection, item, row) as meaning:
            if row is None:
                meaning.transitions = transitions.created(snapshot(collection, item))
            else:
                meaning.transitions = compared(collection, row, item)
        updates += meaning.updates()
    outbox.record(updates, using=using)
    scheduling.note(using, changed)


def _by_signals(using: str, items: Iterable[Model]) -> Iterator[tuple[LiveCollection, Model]]:
    """Yield each of ``items`` with each of its collections that no trigger records."""
    collections: dict[type[Model], list[LiveCollection]] = {}
    for item in items:
        model = type(item)
        if model not in collections:
            collections[model] = registry.recorded_by_signals(model, using)
        for collection in collections[model]:
            yield collection, item


def _some_at_a_time(items: Iterable[Model]) -> Iterable[Model]:
    if isinstance(items, QuerySet) and items._result_cache is None:  # noqa: SLF001 - no public attribute
        return items.iterator(chunk_size=reading.CHUNK)
    return items


def _alias_of(items: Sequence[Model]) -> str:
    return (items[0]._state.db if items else None) or DEFAULT_DB_ALIAS


def _conflicts_of(items: Sequence[Model], names: Iterable[str] | None) -> list[Q]:
    """Return conditions for the stored rows that ``items`` conflict with: those with the same
    values of the fields ``names``. Raises ``TypeError`` for items without primary keys, if those
    are compared."""
    fields = list(names or ["pk"])
    if fields == ["pk"] and any(item.pk is None for item in items):
        raise TypeError(
            "bulk_create(ignore_conflicts=True) of items without primary keys cannot be "
            "recorded: it is not known which of them were created. Give them keys, or use "
            "Model._base_manager.bulk_create() and record_changes()."
        )
    if len(fields) == 1:
        (name,) = fields
        return [Q(**{f"{name}__in": [getattr(i, name) for i in c]}) for c in chunks(items)]
    each = [Q(**{name: getattr(item, name) for name in fields}) for item in items]
    return [reduce(or_, chunk) for chunk in chunks(each, reading.CHUNK // 10)]
