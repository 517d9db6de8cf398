"""The rows of the outbox as recording writes them: one statement for many rows."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence

import orjson
from django.db.backends.base.base import BaseDatabaseWrapper

from spool_live.metadata import clean_text, metadata_json
from spool_live.sql import read_sql
from spool_live.updates import LiveUpdateData, new_update_hex

Row = tuple[str, str, str, str, str, str | None, str, str, str | None]

_COLUMNS = {
    "update_id": "uuid",
    "site_id": "uuid",
    "event_type": "text",
    "collection": "text",
    "item_id": "uuid",
    "slug": "text",
    "timestamp": "timestamptz",
    "metadata": "jsonb",
    "trace_context": "text",
}
_INTO = f"INSERT INTO live_updates_outbox ({', '.join(_COLUMNS)})"
_VALUES = f"({', '.join(['%s'] * len(_COLUMNS))})"
_INSERT_TRACED = f"{_INTO} VALUES {_VALUES}"
_INSERT_ONE = (
    f"INSERT INTO live_updates_outbox ({', '.join(list(_COLUMNS)[:-1])}) "  # noqa: S608 - our columns
    f"VALUES ({', '.join(['%s'] * (len(_COLUMNS) - 1))})"
)
"""The INSERT for one row without a trace: it is cheaper without that column."""
ROWS_PER_STATEMENT = 2000
"""Rows that one statement takes: more would not be faster, and would need more memory."""


def as_row(
    site_id: uuid.UUID, data: LiveUpdateData, timestamp: str, trace_context: str | None = None
) -> Row:
    """Return ``data`` as the values of a row.

    All of them are text, because database drivers take twice as long to adapt objects. UUIDs are
    hexadecimal digits, which every database accepts for its own UUID type.
    """
    slug = data.slug
    return (
        new_update_hex(),
        site_id.hex,
        data.event_type.value,
        clean_text(data.collection),
        data.item_id.hex,
        None if slug is None else clean_text(slug),
        timestamp,
        metadata_json(data.metadata),
        trace_context,
    )


def insert(rows: Sequence[Row], connection: BaseDatabaseWrapper) -> None:
    """Write ``rows`` into the outbox on ``connection``, in their order.

    Uses raw SQL because every save pays for this: the ORM would take twice as long. Many rows are
    sent as a few parameters: one parameter for each value would take five times as long.
    """
    with connection.cursor() as cursor:
        if len(rows) == 1:
            [row] = rows
            if row[-1] is None:
                cursor.execute(_INSERT_ONE, row[:-1])
            else:
                cursor.execute(_INSERT_TRACED, row)
            return
        statement = _MANY.get(connection.vendor, _values)
        for first in range(0, len(rows), ROWS_PER_STATEMENT):
            cursor.execute(*statement(rows[first : first + ROWS_PER_STATEMENT]))


def _arrays(rows: Sequence[Row]) -> tuple[str, list[str | None]]:
    """Return the INSERT of many rows for PostgreSQL, and its parameters.

    A column with the same value in all rows is sent as one value, any other as an array.
    """
    names: list[str] = []
    chosen: list[str] = []
    varying: dict[str, str] = {}
    values: list[str | None] = []
    arrays: list[str | None] = []
    for (name, kind), column in zip(_COLUMNS.items(), zip(*rows, strict=True), strict=True):
        if name == "trace_context" and not any(column):
            continue
        names.append(name)
        if name != "update_id" and len(set(column)) == 1:
            chosen.append(f"%s::{kind}")
            values.append(column[0])
        else:
            chosen.append(name)
            varying[name] = f"%s::{kind}[]"
            arrays.append(_array(column))
    sql = (
        f"INSERT INTO live_updates_outbox ({', '.join(names)}) "  # noqa: S608 - of our own columns
        f"SELECT {', '.join(chosen)} "
        f"FROM unnest({', '.join(varying.values())}) "
        f"WITH ORDINALITY AS given ({', '.join(varying)}, place) ORDER BY place"
    )
    return sql, values + arrays


def _array(values: Iterable[str | None]) -> str:
    """Return the text of a PostgreSQL array: the driver takes ten times as long to adapt a list."""
    return "{" + ",".join(["NULL" if v is None else _quoted(v) for v in values]) + "}"


def _quoted(value: str) -> str:
    if "\\" in value:
        value = value.replace("\\", "\\\\")
    return '"' + value.replace('"', '\\"') + '"'


def _document(rows: Sequence[Row]) -> tuple[str, dict[str, str]]:
    """Return the INSERT of many rows for SQLite, which gets them as one JSON document."""
    return read_sql("outbox/record_sqlite"), {"rows": orjson.dumps(rows).decode()}


def _values(rows: Sequence[Row]) -> tuple[str, list[str | None]]:
    """Return the INSERT of many rows for any database, with one parameter for each value."""
    return f"{_INTO} VALUES {', '.join([_VALUES] * len(rows))}", [
        value for row in rows for value in row
    ]


_Parameters = Sequence[str | None] | Mapping[str, str]
_Statement = Callable[[Sequence[Row]], tuple[str, _Parameters]]
_MANY: dict[str, _Statement] = {"postgresql": _arrays, "sqlite": _document}
