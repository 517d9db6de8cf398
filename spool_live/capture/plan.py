"""What capture needs to know of a model: determined once, at the first save."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

import django
from django.db.models import Model

from spool_live.capture import held
from spool_live.collections import LiveCollection, has_triggers, registry


@dataclass(frozen=True, slots=True)
class CapturePlan:
    """The collections that an item of a model belongs to, and what they need of its stored row."""

    collections: tuple[LiveCollection, ...]
    """The collections whose changes are recorded by signals."""
    wakes: bool
    """Whether triggers record other collections of the model, so that a worker must be notified."""
    site_column: str | None
    """The item's own column that holds the site's id; ``None`` where the site is determined by
    another row or a method, or the collections differ."""
    compares: bool
    """Whether each save reads the stored row."""
    related: tuple[str, ...]
    """The relations that are read with the row."""
    checks: dict[str, held.ColumnCheck]
    """The columns that an update depends on, with the check of whether an instance holds what the
    database stores."""
    computed: bool
    """Whether the database computes one of those columns, and Django does not read it back after an
    UPDATE."""
    scheduled: bool
    """Whether items are published by the clock."""
    selects: dict[tuple[type[Model], str, bool], str | None] = field(default_factory=dict)
    """The compiled SQL that reads a row, by model, alias and whether the row is locked; ``None``
    where more than the key differs from one save to the next."""


def plan_of(model: type[Model], using: str) -> CapturePlan:
    """Return the plan for items of ``model`` on the alias ``using``, for the collections that are
    registered now."""
    return _plan_of(model, has_triggers(using))


def forget_plans() -> None:
    """Discard the cached plans, because the registrations have changed."""
    _plan_of.cache_clear()


@cache
def _plan_of(model: type[Model], triggers: bool) -> CapturePlan:
    found = registry.of_model(model)
    collections = tuple(c for c in found if not (triggers and c.capture == "trigger"))
    columns = {collection.site_column for collection in collections}
    read = _columns_read(collections, model)
    return CapturePlan(
        collections,
        wakes=len(collections) < len(found),
        site_column=columns.pop() if len(columns) == 1 else None,
        compares=any(collection.compares_rows for collection in collections),
        related=tuple(sorted({c.site_relations for c in collections} - {""})),
        checks={f.attname: held.check_of(f) for f in read},
        scheduled=any(collection.moment_fields for collection in collections),
        computed=django.VERSION < (6, 0) and any(f.generated for f in read),
    )


def _columns_read(
    collections: tuple[LiveCollection, ...], model: type[Model]
) -> list[held.AnyField]:
    read = [collection.columns_read for collection in collections]
    fields = model._meta.concrete_fields
    if None in read:
        return list(fields)
    return [f for f in fields if any(f.attname in columns for columns in read if columns)]
