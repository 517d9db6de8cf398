"""What capture knows of a model before anything is saved: worked out once, when it is connected."""

from __future__ import annotations

from dataclasses import dataclass, field

from django.db.models import Model

from spool_live.collections import LiveCollection, registry


@dataclass(frozen=True, slots=True)
class Plan:
    """The collections that an item of a model belongs to, and what they need of its stored row.

    ``site_column`` is the item's own column that says the site (``None`` where another row or a
    method does, or the collections disagree), ``compares`` whether each save reads the stored row,
    ``related`` the relations that are read with it, ``selects`` the SQL that reads it, as it was
    compiled first.
    """

    collections: tuple[LiveCollection, ...]
    site_column: str | None
    compares: bool
    related: tuple[str, ...]
    selects: dict[tuple[type[Model], str, bool], str | None] = field(default_factory=dict)


def plan_of(model: type[Model], *, signals_only: bool = False) -> Plan:
    """The plan for items of ``model``, by the collections that are registered now; with
    ``signals_only`` by those of them that no trigger records."""
    found = registry.of_model(model)
    collections = tuple(c for c in found if not (signals_only and c.capture == "trigger"))
    columns = {collection.site_column for collection in collections}
    paths = {collection.site_path[:-1] for collection in collections}
    return Plan(
        collections,
        site_column=columns.pop() if len(columns) == 1 else None,
        compares=any(collection.compares_rows for collection in collections),
        related=tuple(sorted("__".join(path) for path in paths if path)),
    )
