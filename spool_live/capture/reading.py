"""Reading the rows of items, in chunks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar

from django.db import connections
from django.db.models import Model, Q, QuerySet

from spool_live.collections import registry

M = TypeVar("M", bound=Model)
CHUNK = 1000
"""Number of items whose keys or rows are in one statement, well below every database's limit."""


def rows_of(model: type[M], using: str, chosen: Q, *, lock: bool = False) -> QuerySet[M]:
    """Return the stored rows that match ``chosen``, with the relations that lead to their site."""
    rows: QuerySet[M] = model._base_manager.using(using).filter(chosen).order_by("pk")
    remote = {c.site_relations for c in registry.of_model(model)} - {""}
    if remote:
        rows = rows.select_related(*remote)
    features = connections[using].features
    if lock and features.has_select_for_update_of:
        rows = rows.select_for_update(of=("self",), no_key=features.has_select_for_no_key_update)
    return rows


def lock_rows(rows: QuerySet[M], using: str) -> QuerySet[M]:
    """Return ``rows``, locked against other writers where a transaction is open and the database
    supports it."""
    connection = connections[using]
    if not connection.features.has_select_for_update or connection.get_autocommit():
        return rows
    return rows.select_for_update(no_key=connection.features.has_select_for_no_key_update)


def chunks(values: Iterable[Any], size: int | None = None) -> Iterator[list[Any]]:
    """Yield ``values`` in lists of at most ``size`` (default: ``CHUNK``)."""
    rest = iter(values)
    while chunk := list(islice(rest, size or CHUNK)):
        yield chunk
