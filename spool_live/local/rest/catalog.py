"""The database's catalog: tables with their columns, functions with their parameters."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import dict_row

from spool_live.local.rest.errors import ApiError, unknown_column
from spool_live.local.sql import read_sql


@dataclass(frozen=True)
class Column:
    """A column. ``type`` and ``default`` are SQL, as the catalog has them with an empty search
    path."""

    name: str
    type: str
    default: str | None


@dataclass(frozen=True)
class Table:
    """A table or view with its columns by name."""

    schema: str
    name: str
    columns: Mapping[str, Column]
    primary_key: tuple[str, ...]

    def column(self, name: str) -> Column:
        """Return the column; raises ``ApiError`` (PGRST204)."""
        try:
            return self.columns[name]
        except KeyError:
            raise unknown_column(name, self.name) from None


@dataclass(frozen=True)
class Parameter:
    """A parameter of a function; an unnamed one has the name ``""``."""

    name: str
    type: str
    required: bool
    variadic: bool


@dataclass(frozen=True)
class Function:
    """One overload of a function."""

    schema: str
    name: str
    parameters: tuple[Parameter, ...]
    returns_nothing: bool
    returns_rows: bool
    returns_set: bool
    only_reads: bool
    statement_timeout: str | None = None
    """The function's own timeout, which PostgREST sets for the transaction that calls it."""

    @property
    def takes_whole_body(self) -> bool:
        """Whether it has a single unnamed json parameter, which gets the request's body."""
        if len(self.parameters) != 1:
            return False
        (only,) = self.parameters
        return only.name == "" and only.type in ("json", "jsonb")

    def accepts(self, names: frozenset[str]) -> bool:
        known = {parameter.name for parameter in self.parameters}
        required = {parameter.name for parameter in self.parameters if parameter.required}
        return required <= names <= known and "" not in known


@dataclass(frozen=True)
class Catalog:
    """The tables and functions in the exposed schemas at one moment."""

    tables: Mapping[tuple[str, str], Table]
    functions: Mapping[tuple[str, str], Sequence[Function]]
    role_settings: Mapping[str, Mapping[str, str]]

    def table(self, schema: str, name: str) -> Table:
        """Return the table; raises ``ApiError`` (PGRST205)."""
        try:
            return self.tables[schema, name]
        except KeyError:
            message = f"Could not find the table '{schema}.{name}' in the schema cache"
            raise ApiError(404, "PGRST205", message) from None

    def function(self, schema: str, name: str, arguments: frozenset[str]) -> Function:
        """Return the overload that takes ``arguments``, else the one that takes the whole body.

        Raises ``ApiError`` (PGRST202, PGRST203).
        """
        overloads = self.functions.get((schema, name), ())
        fitting = [function for function in overloads if function.accepts(arguments)]
        fitting = fitting or [function for function in overloads if function.takes_whole_body]
        if len(fitting) == 1:
            return fitting[0]
        if fitting:
            raise _ambiguous(fitting)
        raise _no_function(f"{schema}.{name}", arguments)


async def load_catalog(connection: psycopg.AsyncConnection[Any], schemas: Sequence[str]) -> Catalog:
    """Read the catalog of the database. Raises ``psycopg.Error``."""
    async with (
        connection.transaction(),
        psycopg.AsyncRawCursor(connection, row_factory=dict_row) as cursor,
    ):
        await cursor.execute("select set_config('search_path', '', true)")
        await cursor.execute(read_sql("rest_tables"), [list(schemas)])
        tables = [_table(row) for row in await cursor.fetchall()]
        await cursor.execute(read_sql("rest_functions"), [list(schemas)])
        functions = defaultdict(list)
        for row in await cursor.fetchall():
            parameters = tuple(Parameter(**parameter) for parameter in row.pop("parameters"))
            functions[row["schema"], row["name"]].append(Function(parameters=parameters, **row))
        await cursor.execute(read_sql("rest_role_settings"))
        settings: dict[str, dict[str, str]] = defaultdict(dict)
        for row in await cursor.fetchall():
            settings[row["role"]][row["name"]] = row["value"]
    return Catalog({(table.schema, table.name): table for table in tables}, functions, settings)


def _table(row: dict[str, Any]) -> Table:
    columns = [Column(**column) for column in row["columns"] or ()]
    return Table(
        row["schema"],
        row["name"],
        {column.name: column for column in columns},
        tuple(row["primary_key"] or ()),
    )


def _no_function(name: str, arguments: frozenset[str]) -> ApiError:
    given = ", ".join(sorted(arguments))
    message = f"({given})" if given else " without parameters"
    plural = "s" if len(arguments) > 1 else ""
    details = f" with parameter{plural} {given}" if given else " without parameters"
    return ApiError(
        404,
        "PGRST202",
        f"Could not find the function {name}{message} in the schema cache",
        details=(
            f"Searched for the function {name}{details} or with a single unnamed json/jsonb"
            " parameter, but no matches were found in the schema cache."
        ),
    )


def _ambiguous(functions: Sequence[Function]) -> ApiError:
    signatures = ", ".join(
        f"{function.schema}.{function.name}("
        + ", ".join(f"{parameter.name} => {parameter.type}" for parameter in function.parameters)
        + ")"
        for function in functions
    )
    return ApiError(
        300,
        "PGRST203",
        f"Could not choose the best candidate function between: {signatures}",
        hint="Try renaming the parameters or the function itself in the database so function"
        " overloading can be resolved",
    )
