"""Build HTTP responses: statuses, headers and bodies."""

from __future__ import annotations

from starlette.responses import JSONResponse, Response

from spool_live.local.rest.errors import ApiError, range_not_satisfiable
from spool_live.local.rest.execution import Result
from spool_live.local.rest.requests import ApiRequest, RequestPlan


def respond(request: ApiRequest, plan: RequestPlan, result: Result) -> Response:
    """Return the response for a result. Raises ``ApiError`` (416) for an offset behind its end."""
    status = _status(request, plan, result)
    headers = {"Content-Range": _content_range(request, plan, result)}
    if request.preferences.applied:
        headers["Preference-Applied"] = ", ".join(request.preferences.applied)
    if plan.shape == "none" or result.body is None:
        return Response(status_code=status, headers=headers)
    content_type = request.media_type.content_type
    if plan.shape != "object":
        content_type = "application/json; charset=utf-8"
    body = "" if request.method == "HEAD" else result.body
    return Response(body, status, headers, media_type=content_type)


def respond_error(error: ApiError) -> Response:
    """Return the response for an error."""
    return JSONResponse(
        error.body,
        error.status,
        error.headers,
        media_type="application/json; charset=utf-8",
    )


def _status(request: ApiRequest, plan: RequestPlan, result: Result) -> int:
    match plan.act:
        case "read":
            return _read_status(plan, result)
        case "insert":
            only_merged = bool(request.preferences.merge) and 0 < result.rows == result.merged
            return 200 if only_merged else 201
        case _:
            return 204 if plan.shape == "none" else 200


def _read_status(plan: RequestPlan, result: Result) -> int:
    if result.total is None:
        return 200
    if plan.query.offset > result.total:
        raise range_not_satisfiable(
            f"An offset of {plan.query.offset} was requested,"
            f" but there are only {result.total} rows."
        )
    return 206 if result.rows < result.total else 200


def _content_range(request: ApiRequest, plan: RequestPlan, result: Result) -> str:
    """Return ``first-last/total`` for rows that were read or updated, ``*/total`` otherwise."""
    total = result.total
    if request.preferences.counted and plan.act != "read":
        total = result.rows
    rows = "*"
    if plan.act in ("read", "call", "update") and result.rows:
        rows = f"{plan.query.offset}-{plan.query.offset + result.rows - 1}"
    return f"{rows}/{'*' if total is None else total}"
