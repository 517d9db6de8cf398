"""Items follow the objects on the path to their site: articles move along with their section.

Where ``site_field`` is a path (``"section.site"``), the site of an item is in another row. When
that row changes its site, each of its items is recorded as deleted on the old site and as created
on the new one: a thousand at a time, and at most ``most_moved`` in all.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db.models import Field, ForeignKey, Model, QuerySet

from spool_live import outbox
from spool_live.capture import transitions
from spool_live.capture.meaning import Meaning, snapshot
from spool_live.capture.reading import CHUNK, chunks, lock_rows
from spool_live.capture.transitions import Recorded
from spool_live.collections import LiveCollection, django_sites, registry
from spool_live.models import Site

logger = logging.getLogger(__name__)
_UNKNOWN = object()


@dataclass(frozen=True)
class ParentStep:
    """One step on the path from the items of ``collection`` to their site: an object of ``model``,
    whose ``field`` leads on to the site along ``rest``. ``lookup`` finds the items that lead to
    such an object."""

    collection: LiveCollection
    model: type[Model]
    field: Field[Any, Any]
    lookup: str
    rest: tuple[str, ...]

    def site_of(self, value: Any, using: str) -> uuid.UUID | None:
        """Return the id of the site that the path leads to where ``field`` holds ``value``."""
        if value is None or not self.rest:
            return self.collection.to_site_id(value)
        assert isinstance(self.field, ForeignKey)  # noqa: S101 - only a foreign key leads on
        target = self.field.target_field
        rows = target.model._base_manager.using(using).filter(**{target.attname: value})
        return self.collection.to_site_id(rows.values_list("__".join(self.rest), flat=True).first())

    def items(self, parent: Model, using: str) -> QuerySet[Model]:
        """Return the items that lead to ``parent``."""
        items = self.collection.model._base_manager.using(using).filter(**{self.lookup: parent.pk})
        return items.select_related(self.collection.site_relations).order_by("pk")


class ParentSave:
    """A save of an object on the path to a site."""

    needs_transaction = True

    def __init__(
        self,
        steps: tuple[ParentStep, ...],
        instance: Model,
        using: str,
        update_fields: Collection[str] | None,
    ) -> None:
        self.instance = instance
        self.using = using
        self.steps = [
            step
            for step in steps
            if update_fields is None
            or not {step.field.name, step.field.attname}.isdisjoint(update_fields)
        ]
        self._before: dict[str, Any] | None = None

    def before(self) -> None:
        """Read and lock the columns of the stored row that the path leads through."""
        if self.steps and self.instance.pk is not None:
            self._before = self._stored(lock=True)

    def after(self, *, created: bool) -> None:
        """Record the items whose site has changed."""
        if created or self._before is None:
            return
        held = self.instance.__dict__
        now = {attname: held.get(attname, _UNKNOWN) for attname in self._before}
        if now == self._before:
            return
        now = self._stored() or now
        for step in self.steps:
            was, is_now = self._before[step.field.attname], now[step.field.attname]
            if was != is_now:
                self._follow(step, step.site_of(was, self.using), step.site_of(is_now, self.using))

    def _follow(self, step: ParentStep, before: uuid.UUID | None, after: uuid.UUID | None) -> None:
        if before == after:
            return
        collection, limit = step.collection, step.collection.most_moved
        found = step.items(self.instance, self.using)
        for chunk in chunks(found[:limit].iterator(chunk_size=CHUNK)):
            updates: list[Recorded] = []
            for item in chunk:
                with Meaning(collection, item) as meaning:
                    now = snapshot(collection, item)
                    meaning.transitions = transitions.changed(now._replace(site_id=before), now)
                updates += meaning.updates()
            outbox.record(updates, using=self.using)
        if found[limit : limit + 1].exists():
            logger.error(
                "%s %s changed its site with more than %d items of %r: the rest is not recorded. "
                "Run manage.py live_audit --repair, or raise most_moved.",
                type(self.instance)._meta.label,
                self.instance.pk,
                limit,
                collection,
            )

    def _stored(self, *, lock: bool = False) -> dict[str, Any] | None:
        model = self.steps[0].model
        rows = model._base_manager.using(self.using).filter(pk=self.instance.pk)
        rows = lock_rows(rows, self.using) if lock else rows
        return rows.values(*{step.field.attname for step in self.steps}).first()


@cache
def steps_of(model: type[Model]) -> tuple[ParentStep, ...]:
    """Return the steps of all paths to a site that lead through an object of ``model``."""
    steps = (step for collection in registry for step in _steps(collection))
    return tuple(step for step in steps if issubclass(model, step.model))


def models_on_site_paths() -> Iterator[type[Model]]:
    """Yield the models whose objects lie on a path from items to their site."""
    for collection in registry:
        for step in _steps(collection):
            yield step.model


def forget_steps() -> None:
    """Discard what ``steps_of`` has cached, because the registrations have changed."""
    steps_of.cache_clear()


def _is_site(model: type[Model]) -> bool:
    return issubclass(model, Site) or model._meta.label == django_sites.LABEL


def _steps(collection: LiveCollection) -> Iterator[ParentStep]:
    relations = [name for name in collection.site_relations.split("__") if name]
    path = collection.site_path
    model = collection.model
    for place, name in enumerate(relations, start=1):
        model = model._meta.get_field(name).related_model  # type: ignore[assignment]
        if place == 1 and name in collection.follows:
            continue  # ``follows`` records this change of site, too
        try:
            field = model._meta.get_field(path[place])
        except FieldDoesNotExist:
            return  # a property
        if _is_site(model) or not isinstance(field, Field) or field.column is None:
            return
        leads_on = isinstance(field, ForeignKey) and not _is_site(field.related_model)
        rest = path[place + 1 :] if leads_on else ()
        if not leads_on or rest:
            yield ParentStep(collection, model, field, "__".join(relations[:place]), rest)
