"""Run a plan in one transaction under the caller's role and claims."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psycopg

from spool_live.local.rest.caller import Caller
from spool_live.local.rest.errors import ApiError, from_postgres, not_one_row
from spool_live.local.rest.requests import RequestPlan


@dataclass(frozen=True)
class Result:
    """The number of rows read or written, the JSON body, and further counts."""

    rows: int
    body: str | None
    total: int | None
    merged: int


@dataclass(frozen=True)
class Surroundings:
    """The caller of a statement, and what SQL can read with ``current_setting('request...')``."""

    caller: Caller
    role_settings: Mapping[str, str]
    method: str
    path: str
    headers: Mapping[str, str]
    schema: str

    @property
    def settings(self) -> dict[str, str]:
        """The settings for the transaction; the role is first, so that it sets the others."""
        return {
            "role": self.caller.role,
            "search_path": self.schema,
            "request.jwt.claims": self.caller.claims,
            "request.method": self.method,
            "request.path": self.path,
            "request.headers": json.dumps(self.headers),
            **self.role_settings,
        }


async def run(
    connection: psycopg.AsyncConnection[Any], plan: RequestPlan, surroundings: Surroundings
) -> Result:
    """Run ``plan``; its changes are committed when this returns.

    Raises ``ApiError`` for errors of PostgreSQL, and for a number of rows that the caller does not
    accept.
    """
    reads_only = plan.statement.reads_only or surroundings.method in ("GET", "HEAD")
    settings = surroundings.settings | {"transaction_read_only": "on" if reads_only else "off"}
    if plan.statement_timeout is not None:
        settings["statement_timeout"] = plan.statement_timeout
    try:
        async with connection.transaction(), psycopg.AsyncRawCursor(connection) as cursor:
            await cursor.execute(*_local_settings(settings))
            await cursor.execute(plan.statement.text, plan.statement.values)
            rows, body, total, merged = await cursor.fetchone() or (0, None, None, None)
            result = Result(rows, body, total, merged or 0)
            _refuse_wrong_size(plan, result)
    except psycopg.Error as error:
        anonymous = surroundings.caller.role == "anon"
        raise from_postgres(error, anonymous=anonymous) from error
    return result


def _local_settings(settings: Mapping[str, str]) -> tuple[str, list[str]]:
    """Return one SELECT that makes all settings for this transaction, and its values."""
    calls = [f"set_config(${at * 2 + 1}, ${at * 2 + 2}, true)" for at in range(len(settings))]
    values = [text for setting in settings.items() for text in setting]
    return f"select {', '.join(calls)}", values


def _refuse_wrong_size(plan: RequestPlan, result: Result) -> None:
    if plan.shape == "object" and plan.act != "call" and result.rows != 1:
        raise not_one_row(result.rows)
    if plan.max_affected is not None and result.rows > plan.max_affected:
        raise ApiError(
            400,
            "PGRST124",
            "Query result exceeds max-affected preference constraint",
            details=f"The query affects {result.rows} rows",
        )
