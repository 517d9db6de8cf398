"""The triggers that a collection needs: one each for insertions, updates and deletions.

Insertions and deletions are recorded per statement, any number of rows with one INSERT. Updates are
recorded per row: a trigger per statement would have to join old and new rows, which makes a single
save half as expensive again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.db import connections, router
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import truncate_name
from psycopg.sql import SQL, Composable, Identifier, Literal

from spool_live.capture.transitions import ADDED
from spool_live.capture.triggers.expressions import columns_of, irrelevant, of_row
from spool_live.capture.triggers.support import faults_of, may_need_rewriting
from spool_live.collections import ITEM_NAMESPACE, LiveCollection, registry
from spool_live.exceptions import SpoolLiveConfigurationError
from spool_live.metadata import DEPTH_LIMIT, METADATA_LIMIT
from spool_live.models import OutboxEntry
from spool_live.sql import read_sql

MAX_NAME_LENGTH = 63
"""Most bytes of a name in PostgreSQL."""
_OUTBOX = OutboxEntry._meta.db_table
_FIT = "spool_live_fit_metadata_v1"
_PLAIN_JSON = "spool_live_plain_json_v1"
_TOO_LARGE = "octet_length(metadata::text) > {limit}"
_ODD = (
    " or metadata::text ~ '[0-9]{{16}}'"
    " or length(metadata::text) - length(translate(metadata::text, '[{{', '')) > {depth}"
)
"""Finds what ``metadata.read_metadata`` would find: values that receivers may read differently."""
_ITEM_ID = "spool_live_item_id_v1"
_PLAIN = ("r", "p")
"""Values of ``relkind`` of relations that may have the triggers: tables, partitioned or not."""


@dataclass(frozen=True)
class Event:
    """A kind of change: the rows its function reads, and how its trigger is fired.

    ``kind`` is PostgreSQL's ``tgtype``.
    """

    name: str
    rows: tuple[str, ...]
    timing: str
    kind: int


EVENTS = (
    Event(
        "insert",
        ("item",),
        "after insert on {} referencing new table as inserted for each statement",
        kind=4,
    ),
    Event("update", ("old", "new"), "after update on {} for each row", kind=17),
    Event(
        "delete",
        ("item",),
        "after delete on {} referencing old table as deleted for each statement",
        kind=8,
    ),
)


@dataclass(frozen=True)
class Table:
    """A table as PostgreSQL knows it."""

    schema: str
    name: str
    columns: frozenset[str]
    is_plain: bool

    @property
    def sql(self) -> Identifier:
        """The table's name with its schema, quoted."""
        return Identifier(self.schema, self.name)


@dataclass(frozen=True)
class CaptureTrigger:
    """One trigger as it must be: on which table, and running which function with which body."""

    collection: str
    event: Event
    table: Table
    function: str
    body: str

    @property
    def name(self) -> str:
        """The trigger's name on its table."""
        return f"spool_live_{self.event.name}"

    def statements(self) -> Iterator[Composable]:
        """Yield the statements that create the trigger and its function, or replace them."""
        function = Identifier(self.table.schema, self.function)
        yield SQL(read_sql("capture/function")).format(function=function, body=Literal(self.body))
        yield SQL("create or replace trigger {} {} execute function {}()").format(
            Identifier(self.name), SQL(self.event.timing).format(self.table.sql), function
        )


class Definitions:
    """The triggers that registered collections need on ``using``, the alias of a PostgreSQL.

    Raises ``SpoolLiveConfigurationError`` for a collection whose declaration a trigger cannot
    follow.
    """

    def __init__(self, using: str) -> None:
        self.connection: BaseDatabaseWrapper = connections[using]
        self.collections = [
            collection
            for collection in registry
            if collection.is_left_to_trigger(using)
            and router.allow_migrate_model(using, collection.model)
        ]
        for collection in self.collections:
            for fault in faults_of(collection):
                raise SpoolLiveConfigurationError(
                    f"{collection!r}: {fault.problem}. {fault.remedy}"
                )
        self._reads = {c.name: columns_of(c) for c in self.collections}
        read = {table for columns in self._reads.values() for table, _ in columns}
        self._tables = _locate(self.connection, {_OUTBOX, *read})
        self._ossp = _schema_of_extension(self.connection, "uuid-ossp")

    def waits_for(self, collection: LiveCollection) -> str:
        """Return why the triggers of ``collection`` cannot be installed yet: a column that they
        read does not exist, or its table cannot have triggers. Empty where they can be."""
        for table, column in sorted(self._reads[collection.name]):
            found = self._tables.get(table)
            if found is None or column not in found.columns:
                return f"{table}.{column} does not exist"
        own = self._tables[collection.model._meta.db_table]
        return "" if own.is_plain else f"{own.name} is not a table"

    def has_outbox(self) -> bool:
        """Return whether the outbox exists, which the triggers write into."""
        return _OUTBOX in self._tables

    def helpers(self) -> Iterator[Composable]:
        """Yield the statements that create the functions which the triggers' functions call."""
        limit, namespace = Literal(METADATA_LIMIT), Literal(ITEM_NAMESPACE.bytes)
        fit, item_id = self._function(_FIT), self._function(_ITEM_ID)
        plain, depth = self._function(_PLAIN_JSON), Literal(DEPTH_LIMIT)
        yield SQL(read_sql("capture/plain_json")).format(plain=plain, depth=depth)
        yield SQL(read_sql("capture/fit_metadata")).format(fit=fit, limit=limit, plain=plain)
        yield SQL(read_sql("capture/item_id")).format(item_id=item_id, namespace=namespace)

    def of_collection(self, collection: LiveCollection) -> Iterator[CaptureTrigger]:
        """Yield the triggers of ``collection``, whose tables and columns must exist."""
        table = self._tables[collection.model._meta.db_table]
        for event in EVENTS:
            yield CaptureTrigger(
                collection.name,
                event,
                table,
                truncate_name(f"spool_live_{event.name}_{table.name}", MAX_NAME_LENGTH, 8),
                self._body(collection, event),
            )

    def _body(self, collection: LiveCollection, event: Event) -> str:
        names = dict.fromkeys((*ADDED, *collection.metadata_columns))
        parts: dict[str, Composable] = {
            "outbox": self._tables[_OUTBOX].sql,
            "collection": Literal(collection.name),
            "update_id": SQL("gen_random_uuid()"),
            "fit": self._function(_FIT),
            "unfit": self._unfit(collection),
            "names": SQL("array[{}]::text[]").format(SQL(", ").join(map(Literal, names))),
        }
        for row in event.rows:
            parts |= of_row(
                collection,
                row,
                located=lambda table: self._tables[table].sql,
                named=self._named,
                connection=self.connection,
            )
        if event.name == "update":
            parts["irrelevant"] = irrelevant(collection, parts)
        body = SQL(read_sql(f"capture/{event.name}")).format(**parts)
        return body.as_string(self.connection.connection)

    def _unfit(self, collection: LiveCollection) -> Composable:
        """Return the SQL condition under which metadata is too large or must be rewritten."""
        condition = _TOO_LARGE + (_ODD if may_need_rewriting(collection) else "")
        return SQL(condition).format(limit=Literal(METADATA_LIMIT), depth=Literal(DEPTH_LIMIT))

    def _named(self, name: Composable) -> Composable:
        if self._ossp is None:
            return SQL("{}({})").format(self._function(_ITEM_ID), name)
        function, namespace = Identifier(self._ossp, "uuid_generate_v5"), Literal(ITEM_NAMESPACE)
        return SQL("{}({}, {})").format(function, namespace, name)

    def _function(self, name: str) -> Composable:
        return Identifier(self._tables[_OUTBOX].schema, name)


def _locate(connection: BaseDatabaseWrapper, names: set[str]) -> dict[str, Table]:
    quoted = {connection.ops.quote_name(name): name for name in names}
    with connection.cursor() as cursor:
        cursor.execute(read_sql("capture/tables"), {"names": list(quoted)})
        return {
            quoted[name]: Table(schema, table, frozenset(columns), kind in _PLAIN)
            for name, schema, table, kind, columns in cursor.fetchall()
        }


def _schema_of_extension(connection: BaseDatabaseWrapper, name: str) -> str | None:
    with connection.cursor() as cursor:
        cursor.execute(
            "select n.nspname from pg_extension e join pg_namespace n on n.oid = e.extnamespace "
            "where e.extname = %s",
            [name],
        )
        row = cursor.fetchone()
    return str(row[0]) if row else None
