"""Items that follow an object they belong to (``follows``), as a translation follows its article.

When a column of the object changes, each of its items is compared with its state before: the change
may have published, renamed or moved it, and is an update of it in any case.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db.models import ForeignKey, Model, QuerySet

from spool_live import outbox
from spool_live.capture import transitions
from spool_live.capture.meaning import Meaning, snapshot, snapshot_if_any
from spool_live.capture.reading import CHUNK, chunks, lock_rows
from spool_live.capture.transitions import Recorded, Snapshot
from spool_live.collections import LiveCollection, registry

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Following:
    """The items of ``collection`` follow objects of ``model``, to which their ``field`` points."""

    collection: LiveCollection
    model: type[Model]
    field: str

    def items(self, followed: Model, using: str) -> QuerySet[Model]:
        """Return the items of ``followed``, as stored: at most ``most_moved``, and one more
        to show that there are others."""
        related = {self.field, self.collection.site_relations} - {""}
        items = self.collection.model._base_manager.using(using).filter(**{self.field: followed.pk})
        return items.select_related(*related).order_by("pk")[: self.collection.most_moved + 1]


class FollowedSave:
    """A save of an object that items follow."""

    needs_transaction = True

    def __init__(self, followings: tuple[Following, ...], instance: Model, using: str) -> None:
        self.followings = followings
        self.instance = instance
        self.using = using
        self._row: dict[str, Any] | None = None
        self._before: list[dict[Any, Snapshot | None]] = []

    def before(self) -> None:
        """Read and lock the stored row, and take snapshots of its items."""
        if self.instance.pk is None:
            return
        self._row = self._stored(lock=True)
        if self._row is not None:
            self._before = [self._states(following) for following in self.followings]

    def after(self, *, created: bool) -> None:
        """Record what the change means for each item."""
        if created or self._row is None or self._row == self._stored():
            return
        for following, before in zip(self.followings, self._before, strict=True):
            self._record(following, before)

    def _record(self, following: Following, before: dict[Any, Snapshot | None]) -> None:
        collection, limit = following.collection, following.collection.most_moved
        found = 0
        for chunk in chunks(following.items(self.instance, self.using).iterator(chunk_size=CHUNK)):
            updates: list[Recorded] = []
            for item in chunk[: max(0, limit - found)]:
                with Meaning(collection, item) as meaning:
                    now = snapshot(collection, item)
                    meaning.transitions = transitions.changed(before.get(item.pk) or now, now)
                updates += meaning.updates()
            found += len(chunk)
            outbox.record(updates, using=self.using)
        if found > limit:
            logger.error(
                "%s %s changed, and more than %d items of %r follow it: the rest is not recorded. "
                "Run live_audit --repair, or raise most_moved.",
                self.instance._meta.label,
                self.instance.pk,
                limit,
                collection,
            )

    def _states(self, following: Following) -> dict[Any, Snapshot | None]:
        items = following.items(self.instance, self.using).iterator(chunk_size=CHUNK)
        return {item.pk: snapshot_if_any(following.collection, item) for item in items}

    def _stored(self, *, lock: bool = False) -> dict[str, Any] | None:
        rows = self.followings[0].model._base_manager.using(self.using)
        rows = rows.filter(pk=self.instance.pk)
        rows = lock_rows(rows, self.using) if lock else rows
        return rows.values().first()


@cache
def followings_of(model: type[Model]) -> tuple[Following, ...]:
    """Return which items follow objects of ``model``."""
    return tuple(f for c in registry for f in _followings(c) if issubclass(model, f.model))


def models_followed() -> Iterator[type[Model]]:
    """Yield the models whose objects items follow."""
    for collection in registry:
        for following in _followings(collection):
            yield following.model


def forget_followings() -> None:
    """Discard what ``followings_of`` has cached, because the registrations have changed."""
    followings_of.cache_clear()


def _followings(collection: LiveCollection) -> Iterator[Following]:
    for name in collection.follows:
        try:
            field = collection.model._meta.get_field(name)
        except FieldDoesNotExist:
            continue  # the checks report it
        if isinstance(field, ForeignKey):
            yield Following(collection, field.related_model, field.name)
