"""Build the one statement of each request.

Every statement has a CTE ``_source`` that does the work, and returns one row: the number of rows in
``_source``, the JSON body that PostgreSQL made of them, the total of a counted read, and the number
of rows that an upsert found to exist. Names of this module begin with an underscore, so that they
do not hide a column.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from psycopg import sql

from spool_live.local.rest.catalog import Column, Table
from spool_live.local.rest.errors import ApiError, not_implemented
from spool_live.local.rest.fragments import Fragments, Parameters, window
from spool_live.local.rest.syntax import Query

BodyShape = Literal["none", "array", "object", "value", "values"]
"""``value`` and ``values`` are results of functions that return no rows."""

_BODIES = {
    "none": sql.SQL("null::text"),
    "array": sql.SQL("coalesce(json_agg(_source), '[]')::text"),
    "object": sql.SQL("coalesce((json_agg(_source) -> 0)::text, 'null')"),
    "value": sql.SQL("coalesce((json_agg(_source.result) -> 0)::text, 'null')"),
    "values": sql.SQL("coalesce(json_agg(_source.result), '[]')::text"),
}
_NULL = sql.SQL("null::bigint")
_MERGED = sql.SQL("nullif(current_setting('spool_live.merged', true), '')::bigint")

_COUNT_MERGED = sql.SQL(
    "set_config('spool_live.merged',"
    " (coalesce(nullif(current_setting('spool_live.merged', true), ''), '0')::bigint + 1)::text,"
    " true)"
)


@dataclass(frozen=True)
class Statement:
    """SQL with ``$n`` placeholders, and the values for them."""

    text: sql.Composed
    values: Sequence[str]
    reads_only: bool


def read_table(
    table: Table, query: Query, *, shape: BodyShape, counted: bool, max_rows: int
) -> Statement:
    """Return the SELECT for ``query``."""
    parameters = Parameters()
    name = qualified(table)
    fragments = Fragments(name, parameters)
    work = sql.SQL("select {} from {}{}{}{}").format(
        fragments.columns(query.select),
        name,
        fragments.where(query.conditions),
        fragments.order(query.order),
        window(query, max_rows),
    )
    total: sql.Composable = _NULL
    if counted:
        total = sql.SQL("(select count(*) from {}{})").format(
            name, fragments.where(query.conditions)
        )
    return Statement(answer(work, shape, total=total), parameters.values, reads_only=True)


@dataclass(frozen=True)
class Conflict:
    """What an upsert does if a row with the same ``columns`` exists: merge it, or ignore its
    own."""

    columns: tuple[str, ...]
    merge: bool


def insert(
    table: Table,
    query: Query,
    body: str,
    columns: Sequence[str],
    *,
    shape: BodyShape,
    conflict: Conflict | None,
    missing_as_default: bool,
) -> Statement:
    """Return the INSERT of ``columns`` from ``body``, a JSON object or an array of objects."""
    refuse_window(query)
    parameters = Parameters()
    taken = [table.column(name) for name in columns]
    rows = _rows(parameters.bind(body), taken)
    names = sql.SQL(", ").join([sql.Identifier(column.name) for column in taken])
    values = sql.SQL(", ").join(
        [
            _value(column, missing_as_default=missing_as_default, parameters=parameters)
            for column in taken
        ]
    )
    name = qualified(table)
    target = (
        sql.SQL("insert into {} ({})").format(name, names)
        if taken
        else (sql.SQL("insert into {}").format(name))
    )
    work = sql.SQL("{} select {} from {}{} {}").format(
        target,
        values,
        rows,
        _on_conflict(table, taken, conflict),
        returning(Fragments(name, parameters), query, shape),
    )
    return Statement(answer(work, shape, merged=_MERGED), parameters.values, reads_only=False)


def update(
    table: Table, query: Query, body: str, columns: Sequence[str], *, shape: BodyShape
) -> Statement:
    """Return the UPDATE of the matching rows with ``columns`` from the JSON object ``body``."""
    refuse_window(query)
    parameters = Parameters()
    taken = [table.column(name) for name in columns]
    name = qualified(table)
    fragments = Fragments(name, parameters)
    if not taken:
        seen = sql.SQL("1") if shape == "none" else fragments.columns(query.select)
        nothing = sql.SQL("select {} from {} where false").format(seen, name)
        return Statement(answer(nothing, shape), parameters.values, reads_only=True)
    refuse_unfiltered("UPDATE", query)
    assignments = sql.SQL(", ").join(
        [
            sql.SQL("{} = {}").format(
                sql.Identifier(column.name), sql.Identifier("_body", column.name)
            )
            for column in taken
        ]
    )
    work = sql.SQL("update {} set {} from {}{} {}").format(
        name,
        assignments,
        _rows(parameters.bind(body), taken),
        fragments.where(query.conditions),
        returning(fragments, query, shape),
    )
    return Statement(answer(work, shape), parameters.values, reads_only=False)


def delete(table: Table, query: Query, *, shape: BodyShape) -> Statement:
    """Return the DELETE of the matching rows."""
    refuse_window(query)
    refuse_unfiltered("DELETE", query)
    parameters = Parameters()
    name = qualified(table)
    fragments = Fragments(name, parameters)
    work = sql.SQL("delete from {}{} {}").format(
        name, fragments.where(query.conditions), returning(fragments, query, shape)
    )
    return Statement(answer(work, shape), parameters.values, reads_only=False)


def qualified(table: Table) -> sql.Identifier:
    return sql.Identifier(table.schema, table.name)


def answer(
    work: sql.Composable,
    shape: BodyShape,
    *,
    total: sql.Composable = _NULL,
    merged: sql.Composable = _NULL,
) -> sql.Composed:
    """Return ``work`` as the CTE ``_source``, and the row that describes it."""
    return sql.SQL(
        "with _source as materialized ({}) select count(*), {}, {}, {} from _source"
    ).format(work, _BODIES[shape], total, merged)


def returning(fragments: Fragments, query: Query, shape: BodyShape) -> sql.Composable:
    """Return the RETURNING clause. Without a body it reads no column, so that the caller needs no
    right to SELECT."""
    if shape == "none":
        return sql.SQL("returning 1")
    return sql.SQL("returning {}").format(fragments.columns(query.select))


def refuse_window(query: Query) -> None:
    """Raise ``ApiError`` rather than write more rows than the caller meant."""
    if query.order or query.offset or query.limit is not None:
        raise not_implemented("order, limit and offset when writing")


def refuse_unfiltered(verb: str, query: Query) -> None:
    """Raise ``ApiError`` for an UPDATE or DELETE without a filter, as the hosted service does (it
    loads ``safeupdate`` for the API's connections)."""
    if not query.conditions:
        raise ApiError(400, "21000", f"{verb} requires a WHERE clause")


def _rows(body: sql.Composable, columns: Sequence[Column]) -> sql.Composable:
    """Return ``body`` as the relation ``_element``, joined with ``_body``, which has
    ``columns``."""
    elements = sql.SQL(
        "(select {}::json as given) _payload, json_array_elements("
        "case json_typeof(given) when 'array' then given else json_build_array(given) end) _element"
    ).format(body)
    if not columns:
        return elements
    definition = sql.SQL(", ").join(
        [
            sql.SQL("{} {}").format(sql.Identifier(column.name), sql.SQL(column.type))
            for column in columns
        ]
    )
    return sql.SQL("{}, json_to_record(_element.value) as _body({})").format(elements, definition)


def _value(column: Column, *, missing_as_default: bool, parameters: Parameters) -> sql.Composable:
    value = sql.Identifier("_body", column.name)
    if not missing_as_default or column.default is None:
        return value
    return sql.SQL("case when _element.value -> {}::text is null then {} else {} end").format(
        parameters.bind(column.name), sql.SQL(column.default), value
    )


def _on_conflict(
    table: Table, taken: Sequence[Column], conflict: Conflict | None
) -> sql.Composable:
    if conflict is None:
        return sql.SQL("")
    key = sql.SQL(", ").join([sql.Identifier(table.column(name).name) for name in conflict.columns])
    if not conflict.merge or not taken:
        return sql.SQL(" on conflict ({}) do nothing").format(key)
    assignments = sql.SQL(", ").join(
        [
            sql.SQL("{} = {}").format(
                sql.Identifier(column.name), sql.Identifier("excluded", column.name)
            )
            for column in taken
        ]
    )
    # always true: it counts the existing rows, and needs no right to read them
    return sql.SQL(" on conflict ({}) do update set {} where {} <> ''").format(
        key, assignments, _COUNT_MERGED
    )
