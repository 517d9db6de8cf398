"""Calls of functions: ``/rest/v1/rpc/<name>``."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from psycopg import sql

from spool_live.local.rest.catalog import Function, Parameter
from spool_live.local.rest.fragments import Fragments, Parameters, window
from spool_live.local.rest.statements import BodyShape, Statement, answer
from spool_live.local.rest.syntax import Query

_CALLED = sql.Identifier("_called")


def call_with_json(
    function: Function,
    query: Query,
    body: str,
    names: frozenset[str],
    *,
    shape: BodyShape,
    max_rows: int,
) -> Statement:
    """Return the call with the arguments ``names`` from the JSON object ``body``."""
    parameters = Parameters()
    given = parameters.bind(body)
    if function.takes_whole_body and not function.accepts(names):
        (only,) = function.parameters
        invocation = _invocation(function, sql.SQL("{}::{}").format(given, sql.SQL(only.type)))
        return _statement(
            function, query, parameters, invocation=invocation, shape=shape, max_rows=max_rows
        )
    used = _used(function, names)
    arguments = _named(used, lambda parameter: sql.Identifier("_given", parameter.name))
    definition = sql.SQL(", ").join(
        [
            sql.SQL("{} {}").format(sql.Identifier(parameter.name), sql.SQL(parameter.type))
            for parameter in used
        ]
    )
    source = sql.SQL("(select {}::json) _given").format(given)
    if used:
        source = sql.SQL("json_to_record({}::json) as _given({})").format(given, definition)
    invocation = _invocation(function, arguments)
    return _statement(
        function,
        query,
        parameters,
        invocation=invocation,
        source=source,
        shape=shape,
        max_rows=max_rows,
    )


def call_with_texts(
    function: Function,
    query: Query,
    arguments: Mapping[str, str],
    *,
    shape: BodyShape,
    max_rows: int,
) -> Statement:
    """Return the call of a GET request, whose arguments are text that PostgreSQL casts."""
    parameters = Parameters()
    named = _named(
        _used(function, frozenset(arguments)),
        lambda parameter: sql.SQL("{}::{}").format(
            parameters.bind(arguments[parameter.name]), sql.SQL(parameter.type)
        ),
    )
    invocation = _invocation(function, named)
    return _statement(
        function, query, parameters, invocation=invocation, shape=shape, max_rows=max_rows
    )


def _statement(
    function: Function,
    query: Query,
    parameters: Parameters,
    *,
    invocation: sql.Composable,
    source: sql.Composable | None = None,
    shape: BodyShape,
    max_rows: int,
) -> Statement:
    """Return the call, with filters, ``select``, ``order`` and range if the function returns a
    set."""
    if function.returns_rows:
        before = sql.SQL("{}, lateral ").format(source) if source else sql.SQL("")
        called = sql.SQL("(select _result.* from {}{} _result) {}").format(
            before, invocation, _CALLED
        )
    else:
        after = sql.SQL(" from {}").format(source) if source else sql.SQL("")
        called = sql.SQL("(select {} as result{}) {}").format(invocation, after, _CALLED)
    if not function.returns_set:
        work: sql.Composable = sql.SQL("select {}.* from {}").format(_CALLED, called)
        return Statement(answer(work, shape), parameters.values, function.only_reads)
    fragments = Fragments(_CALLED, parameters)
    work = sql.SQL("select {} from {}{}{}{}").format(
        fragments.columns(query.select),
        called,
        fragments.where(query.conditions),
        fragments.order(query.order),
        window(query, max_rows),
    )
    return Statement(answer(work, shape), parameters.values, function.only_reads)


def _invocation(function: Function, arguments: sql.Composable) -> sql.Composable:
    return sql.SQL("{}({})").format(sql.Identifier(function.schema, function.name), arguments)


def _named(used: list[Parameter], value: Callable[[Parameter], sql.Composable]) -> sql.Composable:
    return sql.SQL(", ").join(
        [
            sql.SQL("{}{} := {}").format(
                sql.SQL("variadic " if parameter.variadic else ""),
                sql.Identifier(parameter.name),
                value(parameter),
            )
            for parameter in used
        ]
    )


def _used(function: Function, names: frozenset[str]) -> list[Parameter]:
    return [parameter for parameter in function.parameters if parameter.name in names]
