"""The rows of the outbox as recording writes them: one statement for any number of rows."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

import orjson
from django.db.backends.base.base import BaseDatabaseWrapper

from spool_live.sql import read_sql
from spool_live.updates import LiveUpdateData, clean_text, metadata_json, new_update_hex

Row = tuple[str | None, ...]

_INSERT = (
    "INSERT INTO live_updates_outbox "
    "(update_id, site_id, event_type, collection, item_id, slug, timestamp, metadata) VALUES "
)
_VALUES = "(%s, %s, %s, %s, %s, %s, %s, %s)"
_INSERT_ONE = _INSERT + _VALUES
_MANY = {"postgresql": "outbox/record_postgresql", "sqlite": "outbox/record_sqlite"}


def as_row(site_id: uuid.UUID, data: LiveUpdateData, timestamp: str) -> Row:
    """``data`` as the values of a row, all text: the driver takes twice as long over objects.

    UUIDs are hexadecimal digits, which every database takes for its own kind of UUID.
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
    )


def insert(rows: Sequence[Row], connection: BaseDatabaseWrapper) -> None:
    """Writes ``rows`` into the outbox on ``connection``, in their order.

    Raw SQL, because this is the price of every save: the ORM's way costs twice as much. Many rows
    travel as one JSON document, which costs a fifth of as many parameters.
    """
    with connection.cursor() as cursor:
        if len(rows) == 1:
            cursor.execute(_INSERT_ONE, rows[0])
        elif many := _MANY.get(connection.vendor):
            cursor.execute(read_sql(many), [orjson.dumps(rows).decode()])
        else:
            values = ", ".join([_VALUES] * len(rows))
            cursor.execute(_INSERT + values, [value for row in rows for value in row])
