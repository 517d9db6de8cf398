"""The declarations of a collection as SQL on a row of its table (alias ``old``, ``new``, ...)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

from django.core.exceptions import EmptyResultSet, FullResultSet
from django.db import DEFAULT_DB_ALIAS
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Field, Q
from django.db.models.sql import Query
from psycopg.sql import SQL, Composable, Identifier, Literal

from spool_live.capture.triggers.support import (
    key_type,
    metadata_of,
    site_path_of,
    target_of,
)
from spool_live.collections import LiveCollection, one_site
from spool_live.conditions import fields_of, own_field

Located = Callable[[str], Composable]
"""Function from a model's ``db_table`` to the name of the table with its schema."""
Named = Callable[[Composable], Composable]
"""Function from an SQL text to the SQL of its UUIDv5."""

_TIMESTAMP = SQL(
    "to_char({0} at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS'"
    " || case when date_trunc('second', {0}) = {0} then '\"Z\"' else '.MS\"Z\"' end)"
)
"""A moment as ``DjangoJSONEncoder`` writes it: with milliseconds, unless they are 0."""
_FLOAT = SQL(
    "case when {0} in ('NaN', 'Infinity', '-Infinity') then to_jsonb(1e5000::numeric)"
    " else to_jsonb({0}) end"
)
"""NaN and the infinities become a number too long to be kept: Python leaves them out as well."""
_AS_JSON = {
    "DateTimeField": _TIMESTAMP,
    "DecimalField": SQL("{0}::text"),
    "FloatField": _FLOAT,
}


def of_row(
    collection: LiveCollection,
    row: str,
    *,
    located: Located,
    named: Named,
    connection: BaseDatabaseWrapper,
) -> dict[str, Composable]:
    """Return the SQL of all that capture needs to know of an item, by name, for the row with the
    alias ``row``.

    ``located`` finds tables, ``named`` makes the id of an item whose key is not a UUID.
    """
    model = collection.model
    slug = collection.slug_field
    key = _column(row, model._meta.pk)
    label = f"{model._meta.label_lower}:"
    return {
        f"{row}_site": _site(collection, row, located),
        f"{row}_slug": _column(row, own_field(model, slug)) if slug else SQL("null::text"),
        f"{row}_published": _holds(collection, collection.published_when, row, connection)
        or SQL("null::boolean"),
        f"{row}_visible": _holds(collection, collection.visible_when, row, connection)
        or SQL("true"),
        f"{row}_key": key,
        f"{row}_id": key
        if key_type(model) == "UUIDField"
        else named(SQL("{} || {}::text").format(Literal(label), key)),
        f"{row}_metadata": _metadata(collection, row),
    }


def irrelevant(collection: LiveCollection, parts: Mapping[str, Composable]) -> Composable:
    """Return the SQL that ends the function for updates early where neither ``watched_fields`` nor
    anything that is always recorded has changed; empty where ``watched_fields`` is ``None``."""
    if collection.watched_columns is None:
        return SQL("")
    model = collection.model
    named = [*collection.watched_columns, *filter(None, (collection.slug_field,))]
    columns = dict.fromkeys(str(own_field(model, name).column) for name in named)
    same: list[Composable] = [
        SQL("{} is not distinct from {}").format(Identifier("old", c), Identifier("new", c))
        for c in columns
    ]
    same.append(SQL("{old_published} is not distinct from {new_published}").format(**parts))
    same.append(parts["new_visible"])
    return SQL("\n    if {} then\n      return null;\n    end if;").format(SQL(" and ").join(same))


def columns_of(collection: LiveCollection) -> set[tuple[str, str]]:
    """Return the tables (as models name them) and columns that the expressions read."""
    model = collection.model
    read = [model._meta.pk, *metadata_of(collection).values(), *site_path_of(collection)]
    if collection.slug_field:
        read.append(own_field(model, collection.slug_field))
    read += [own_field(model, name) for name in collection.watched_columns or ()]
    for condition in (collection.published_when, collection.visible_when):
        read += fields_of(condition or Q(), model)
    return {(field.model._meta.db_table, str(field.column)) for field in read}


def _site(collection: LiveCollection, row: str, located: Located) -> Composable:
    if collection.is_of_one_site:
        return SQL("{}::uuid").format(Literal(str(one_site.site_id(DEFAULT_DB_ALIAS))))
    path = site_path_of(collection)
    value: Composable = _column(row, path[0])
    for foreign_key, field in pairwise(path):
        value = SQL("(select {} from {} one where {} = {})").format(
            _column("one", field),
            located(field.model._meta.db_table),
            _column("one", target_of(foreign_key)),
            value,
        )
    return value


def _holds(
    collection: LiveCollection, condition: Q | None, row: str, connection: BaseDatabaseWrapper
) -> Composable | None:
    if condition is None:
        return None
    query = Query(collection.model)
    where = query.build_where(condition)
    where = where.relabeled_clone({query.get_initial_alias(): row})
    try:
        text, values = query.get_compiler(connection=connection).compile(where)
    except EmptyResultSet:
        return SQL("false")
    except FullResultSet:
        return SQL("true")
    written = connection.ops.compose_sql(text, values)  # type: ignore[attr-defined]  # PostgreSQL's
    return SQL("coalesce({}, false)").format(SQL(written))


def _metadata(collection: LiveCollection, row: str) -> Composable:
    pairs = [
        SQL("{}, {}").format(Literal(name), _as_json(field, _column(row, field)))
        for name, field in metadata_of(collection).items()
    ]
    return SQL("jsonb_build_object({})").format(SQL(", ").join(pairs))


def _as_json(field: Field[Any, Any], column: Composable) -> Composable:
    return _AS_JSON.get(field.get_internal_type(), SQL("{0}")).format(column)


def _column(row: str, field: Field[Any, Any]) -> Composable:
    return Identifier(row, str(field.column))
