"""Plan a request: its statement, and the form of its answer."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from spool_live.local.config import LocalSupabaseConfig
from spool_live.local.rest import statements
from spool_live.local.rest.calls import call_with_json, call_with_texts
from spool_live.local.rest.catalog import Catalog, Table
from spool_live.local.rest.errors import ApiError, bad_body, not_implemented
from spool_live.local.rest.parser import parse_query
from spool_live.local.rest.preferences import MediaType, Preferences
from spool_live.local.rest.statements import BodyShape, Conflict, Statement
from spool_live.local.rest.syntax import Query

Act = Literal["read", "insert", "update", "delete", "call"]


@dataclass(frozen=True)
class ApiRequest:
    """An HTTP request that is read, but not planned yet. ``path`` is the part after
    ``/rest/v1``."""

    method: str
    path: str
    query_string: str
    schema: str
    content_type: str
    body: str
    preferences: Preferences
    media_type: MediaType


@dataclass(frozen=True)
class RequestPlan:
    """What is done for a request."""

    act: Act
    statement: Statement
    shape: BodyShape
    query: Query
    max_affected: int | None = None
    statement_timeout: str | None = None


def plan(request: ApiRequest, catalog: Catalog, config: LocalSupabaseConfig) -> RequestPlan:
    """Return the plan for ``request``. Raises ``ApiError``."""
    parts = request.path.strip("/").split("/")
    if len(parts) == 2 and parts[0] == "rpc":  # noqa: PLR2004  rpc/<name>
        return _plan_call(request, parts[1], catalog, config)
    if len(parts) != 1 or not parts[0]:
        raise ApiError(404, "PGRST125", "Invalid path specified in request URL")
    table = catalog.table(request.schema, parts[0])
    query = parse_query(request.query_string)
    if request.method in ("GET", "HEAD"):
        return _plan_read(request, table, query, config)
    if request.method == "POST":
        return _plan_insert(request, table, query)
    if request.method == "PATCH":
        return _plan_update(request, table, query)
    if request.method == "DELETE":
        return _plan_delete(request, table, query)
    raise ApiError(405, "PGRST117", f"Unsupported HTTP method: {request.method}")


def _plan_read(
    request: ApiRequest, table: Table, query: Query, config: LocalSupabaseConfig
) -> RequestPlan:
    shape: BodyShape = "object" if request.media_type.single else "array"
    statement = statements.read_table(
        table,
        query,
        shape=shape,
        counted=request.preferences.counted,
        max_rows=config.max_rows,
    )
    return RequestPlan("read", statement, shape, query)


def _plan_insert(request: ApiRequest, table: Table, query: Query) -> RequestPlan:
    preferences = request.preferences
    columns = query.columns
    if columns is not None:
        _check_media_type(request)  # the body goes to PostgreSQL unread, which reports its errors
    else:
        rows = _json_rows(request)
        columns = tuple(rows[0]) if rows else ()
        if any(row.keys() != rows[0].keys() for row in rows):
            raise bad_body("All object keys must match")
    conflict = None
    if preferences.merge is not None and (key := query.on_conflict or table.primary_key):
        conflict = Conflict(key, preferences.merge)
    shape = _written_shape(request)
    statement = statements.insert(
        table,
        query,
        request.body,
        columns,
        shape=shape,
        conflict=conflict,
        missing_as_default=preferences.missing_as_default,
    )
    return RequestPlan("insert", statement, shape, query)


def _plan_update(request: ApiRequest, table: Table, query: Query) -> RequestPlan:
    rows = _json_rows(request)
    if len(rows) != 1:
        raise bad_body("A PATCH needs one JSON object")
    columns = query.columns if query.columns is not None else tuple(rows[0])
    shape = _written_shape(request)
    statement = statements.update(table, query, request.body, columns, shape=shape)
    return RequestPlan("update", statement, shape, query, request.preferences.max_affected)


def _plan_delete(request: ApiRequest, table: Table, query: Query) -> RequestPlan:
    shape = _written_shape(request)
    statement = statements.delete(table, query, shape=shape)
    return RequestPlan("delete", statement, shape, query, request.preferences.max_affected)


def _plan_call(
    request: ApiRequest, name: str, catalog: Catalog, config: LocalSupabaseConfig
) -> RequestPlan:
    if request.preferences.counted:
        raise not_implemented("count on functions")
    if request.method in ("GET", "HEAD"):
        known = _parameter_names(catalog, request.schema, name)
        query = parse_query(request.query_string, known)
        function = catalog.function(request.schema, name, frozenset(query.arguments))
        shape = _called_shape(request, function.returns_rows, function.returns_set)
        statement = call_with_texts(
            function, query, query.arguments, shape=shape, max_rows=config.max_rows
        )
    elif request.method == "POST":
        query = parse_query(request.query_string)
        body = request.body or "{}"
        names = frozenset(_argument_names(request, body))
        function = catalog.function(request.schema, name, names)
        shape = _called_shape(request, function.returns_rows, function.returns_set)
        statement = call_with_json(
            function, query, body, names, shape=shape, max_rows=config.max_rows
        )
    else:
        raise ApiError(405, "PGRST101", f"Cannot use the {request.method} method on RPC")
    if function.returns_nothing:
        shape = "none"
    return RequestPlan(
        "call", statement, shape, query, statement_timeout=function.statement_timeout
    )


def _parameter_names(catalog: Catalog, schema: str, name: str) -> Iterable[str]:
    overloads = catalog.functions.get((schema, name), ())
    return {parameter.name for function in overloads for parameter in function.parameters}


def _argument_names(request: ApiRequest, body: str) -> Iterable[str]:
    """Return the keys of the body, or none if it is not an object, which is passed as a whole."""
    given = _json(request, body)
    return given if isinstance(given, dict) else ()


def _called_shape(request: ApiRequest, returns_rows: bool, returns_set: bool) -> BodyShape:
    if not returns_rows:
        return "values" if returns_set else "value"
    return "array" if returns_set and not request.media_type.single else "object"


def _written_shape(request: ApiRequest) -> BodyShape:
    if not request.preferences.returns_rows:
        return "none"
    return "object" if request.media_type.single else "array"


def _json_rows(request: ApiRequest) -> Sequence[Mapping[str, Any]]:
    given = _json(request, request.body)
    rows = given if isinstance(given, list) else [given]
    if not all(isinstance(row, dict) for row in rows):
        raise bad_body("The body must be a JSON object or an array of JSON objects")
    return rows


def _check_media_type(request: ApiRequest) -> None:
    media_type = request.content_type.partition(";")[0].strip().lower()
    if media_type not in ("", "application/json", "application/vnd.pgrst.object+json"):
        raise bad_body(f"Content-Type not acceptable: {media_type}")


def _json(request: ApiRequest, body: str) -> Any:
    _check_media_type(request)
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise bad_body("Empty or invalid json") from None
