"""What capture knows of a model before anything is saved: determined once, at the first save."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

import django
from django.db.models import Model

from spool_live.capture import held
from spool_live.collections import LiveCollection, has_triggers, registry


@dataclass(frozen=True, slots=True)
class CapturePlan:
    """The collections that an item of a model belongs to, and what they need of its stored row.

    ``collections`` are those that the signals record, ``wakes`` says that triggers record others;
    ``site_column`` is the item's own column with the site's id (``None`` where another row or a
    method says it, or the collections disagree); ``compares`` whether each save reads the stored
    row; ``related`` the relations that are read with it; ``checks`` the columns that an update
    depends on, each with what the object must hold for the database to have the same;
    ``computed`` those of them that the database computes and Django does not read back after an
    UPDATE; ``scheduled`` whether the clock publishes items; ``selects`` the SQL that reads a row,
    as it was compiled first.
    """

    collections: tuple[LiveCollection, ...]
    wakes: bool
    site_column: str | None
    compares: bool
    related: tuple[str, ...]
    checks: dict[str, held.ColumnCheck]
    computed: bool
    scheduled: bool
    selects: dict[tuple[type[Model], str, bool], str | None] = field(default_factory=dict)


def plan_of(model: type[Model], using: str) -> CapturePlan:
    """Return the plan for items of ``model`` on the database ``using``, by what is registered
    now."""
    return _plan_of(model, has_triggers(using))


def forget_plans() -> None:
    """Determine every plan anew: the registrations have changed."""
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
