"""What PostgREST 14.14 was seen to answer, on PostgreSQL 15.20, in November 2026.

The other tests of this folder hold what both answered alike there, call by call; here is what a
stand-in gets wrong if it only follows the documentation.
"""

from __future__ import annotations

import time
from typing import Any

import httpx
import jwt
import psycopg
import pytest

from spool_live.local.config import LocalSupabaseConfig
from spool_live.local.instance import LocalDatabase
from spool_live.local.processes import free_port, wait_until
from spool_live.local.rest.errors import ApiError, database_unavailable, from_postgres
from spool_live.local.rest.pool import ConnectionPool
from tests.local.rest.conftest import reload_schema
from tests.local.rest.test_http import refusal

Sql = psycopg.Connection[tuple[Any, ...]]


def test_kid_that_no_key_has_is_refused_whatever_the_signature(rest: LocalSupabaseConfig) -> None:
    claims = {"role": "service_role", "exp": int(time.time()) + 60}
    for headers, status in (({}, 200), ({"kid": "unknown"}, 401)):
        token = jwt.encode(claims, rest.jwt_secret, algorithm="HS256", headers=headers)
        answer = httpx.get(
            f"{rest.url}/rest/v1/evt",
            headers={"apikey": rest.publishable_key, "Authorization": f"Bearer {token}"},
        )
        assert answer.status_code == status
    assert answer.json()["code"] == "PGRST301"
    assert answer.headers["www-authenticate"] == (
        'Bearer error="invalid_token", error_description="No suitable key or wrong key type"'
    )


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ('{"id": 1', "22P02"),
        ("[{]", "22P02"),
        ("7", "22023"),
        ("[7]", "22023"),
    ],
    ids=["half an object", "no JSON", "a number", "a list of numbers"],
)
def test_body_with_named_columns_is_judged_by_postgresql(
    http: httpx.Client, sql: Sql, body: str, code: str
) -> None:
    headers = {"Content-Type": "application/json"}
    answer = http.post("/evt?columns=id,site", content=body, headers=headers)
    assert refusal(answer) == (400, code)
    if code == "22P02":
        assert refusal(http.post("/evt", content=body, headers=headers)) == (400, "PGRST102")


def test_statement_timeout_of_a_function_is_kept(
    http: httpx.Client, sql: Sql, rest: LocalSupabaseConfig
) -> None:
    sql.execute(
        "create function public.slow() returns void language sql set statement_timeout = '50ms'"
        " as 'select pg_sleep(20)'"
    )
    try:
        reload_schema(sql, rest, "journal")
        began = time.monotonic()
        wait_until(lambda: refusal(http.post("/rpc/slow")) != (404, "PGRST202"))
        assert refusal(http.post("/rpc/slow")) == (500, "57014")
        assert time.monotonic() - began < 10
    finally:
        sql.execute("drop function public.slow")


def test_connection_whose_server_died_is_a_400_without_a_word() -> None:
    """The server ends in the middle of a statement, without an error message."""
    lost = from_postgres(psycopg.OperationalError("server closed the connection"), anonymous=False)
    assert (lost.status, lost.body["code"], lost.body["message"]) == (400, "", "")


def test_every_503_says_when_to_come_back(http: httpx.Client) -> None:
    answer = http.post("/rpc/fail", json={"code": "53100", "message": "disk full"})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "0")
    assert database_unavailable(7.9).headers["Retry-After"] == "7"


async def test_database_that_is_back_is_not_asked_before_the_pause_is_over(
    local_database: LocalDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = local_database.conninfo("authenticator")
    bad = good.replace(f":{local_database.port}/", f":{free_port()}/")
    pool = ConnectionPool(bad, first_pause=30.0)
    waits = []
    for address in (bad, good, good):
        pool._conninfo = address
        with pytest.raises(ApiError) as refused:
            async with pool.connection():
                pass
        assert (refused.value.status, refused.value.code) == (503, "PGRST001")
        waits.append(int(refused.value.headers["Retry-After"]))
    assert waits[0] == 30
    assert waits[1] in {29, 30}
    pool._not_before = 0.0
    async with pool.connection() as connection:
        assert not connection.closed
    await pool.close()
