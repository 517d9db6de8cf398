"""Statuses, headers and refusals, as they are on the wire."""

from __future__ import annotations

from typing import Any

import httpx
import psycopg
import pytest

from spool_live.local.config import LocalSupabaseConfig
from spool_live.local.processes import wait_until
from tests.local.rest.conftest import Mint

Sql = psycopg.Connection[tuple[Any, ...]]
JSON = {"Content-Type": "application/json"}


def refusal(response: httpx.Response) -> tuple[int, str]:
    """Status and code, after a look at the form that every refusal has."""
    body = response.json()
    assert set(body) == {"code", "details", "hint", "message"}
    assert response.headers["proxy-status"] == f"PostgREST; error={body['code']}"
    return response.status_code, body["code"]


@pytest.mark.parametrize(
    ("prefer", "rows", "status"),
    [
        pytest.param("return=minimal", [{"id": 9}], 201, id="insert"),
        pytest.param("resolution=ignore-duplicates", [{"id": 1}], 201, id="ignored"),
        pytest.param("resolution=merge-duplicates", [{"id": 1}, {"id": 9}], 201, id="some new"),
        pytest.param("resolution=merge-duplicates", [{"id": 1}, {"id": 2}], 200, id="none new"),
        pytest.param("resolution=merge-duplicates", [], 201, id="nothing at all"),
    ],
)
def test_status_of_inserts(
    http: httpx.Client, events: None, prefer: str, rows: list[Any], status: int
) -> None:
    done = http.post("/evt", params={"columns": "id"}, json=rows, headers={"Prefer": prefer})
    assert (done.status_code, done.content) == (status, b"")
    assert done.headers["preference-applied"] == prefer


def test_status_of_other_writes(http: httpx.Client, sql: Sql, events: None) -> None:
    minimal = http.patch("/evt?id=eq.1", json={"site": "z"})
    assert (minimal.status_code, minimal.content) == (204, b"")
    full = http.patch(
        "/evt?id=eq.1", json={"site": "y"}, headers={"Prefer": "return=representation"}
    )
    assert (full.status_code, full.json()[0]["site"]) == (200, "y")
    nothing = http.patch("/evt?id=eq.1", json={})
    assert (nothing.status_code, nothing.content) == (204, b"")
    assert http.delete("/evt?id=eq.1").status_code == 204
    assert http.request("DELETE", "/evt?id=eq.2", json={}).status_code == 204


@pytest.mark.parametrize(
    ("query", "prefer", "status", "content_range"),
    [
        ("id=lt.3", "", 200, "0-1/*"),
        ("id=gt.99", "", 200, "*/*"),
        ("limit=2&offset=1", "", 200, "1-2/*"),
        ("limit=2", "count=exact", 206, "0-1/4"),
        ("id=lt.3", "count=exact", 200, "0-1/2"),
        ("id=gt.99", "count=exact", 200, "*/0"),
        ("limit=0", "", 200, "*/*"),
    ],
)
def test_status_and_range_of_reads(
    http: httpx.Client, events: None, query: str, prefer: str, status: int, content_range: str
) -> None:
    for method in ("GET", "HEAD"):
        done = http.request(method, f"/evt?{query}", headers={"Prefer": prefer})
        assert (done.status_code, done.headers["content-range"]) == (status, content_range)
        assert done.headers["content-type"] == "application/json; charset=utf-8"


def test_offset_beyond_a_counted_total_is_not_satisfiable(http: httpx.Client, events: None) -> None:
    done = http.get("/evt?offset=5", headers={"Prefer": "count=exact"})
    assert refusal(done) == (416, "PGRST103")


def test_answers_are_cut_at_the_maximum_of_rows(
    http: httpx.Client, sql: Sql, rest: LocalSupabaseConfig
) -> None:
    sql.execute("insert into evt (id) select generate_series(1, 1005)")
    assert len(http.get("/evt?select=id&limit=2000").json()) == rest.max_rows == 1000


def test_void_function_is_204_and_other_functions_200(http: httpx.Client) -> None:
    assert http.post("/rpc/write_journal", json={"line": "x"}).status_code == 204
    assert http.post("/rpc/add", json={"a": 1}).status_code == 200


REFUSED_READS = [
    ("/nothing", 404, "PGRST205"),
    ("/pg_roles", 404, "PGRST205"),
    ("/", 404, "PGRST125"),
    ("/evt/1", 404, "PGRST125"),
    ("/evt?select=missing", 400, "42703"),
    ("/evt?missing=eq.1", 400, "42703"),
    ("/evt?order=missing", 400, "42703"),
    ("/evt?id=1", 400, "PGRST100"),
    ("/evt?id=equals.1", 400, "PGRST100"),
    ("/evt?id=is.maybe", 400, "PGRST100"),
    ("/evt?id=in.1,2", 400, "PGRST100"),
    ("/evt?or=(id.eq.1", 400, "PGRST100"),
    ("/evt?or=id.eq.1", 400, "PGRST100"),
    ("/evt?select=id,,site", 400, "PGRST100"),
    ("/evt?order=id.sideways", 400, "PGRST100"),
    ("/evt?limit=many", 400, "PGRST100"),
    ("/evt?limit=-1", 416, "PGRST103"),
    ("/evt?id=eq.abc", 400, "22P02"),
    ("/evt?id=like.1", 404, "42883"),
    ("/evt?site=eq.%00", 400, "PGRST100"),
    ("/evt?select=id,comment(*)", 400, "PGRST127"),
    ("/evt?select=amount.sum()", 400, "PGRST127"),
    ("/evt?comment.id=eq.1", 400, "PGRST127"),
    ("/evt?site=fts.cat", 400, "PGRST127"),
    ("/rpc/nothing", 404, "PGRST202"),
    ("/rpc/add", 404, "PGRST202"),
    ("/rpc/write_journal?line=x", 405, "25006"),
]


@pytest.mark.parametrize(("path", "status", "code"), REFUSED_READS)
def test_reads_that_are_refused(
    http: httpx.Client, events: None, path: str, status: int, code: str
) -> None:
    assert refusal(http.get(path)) == (status, code)


REFUSED_WRITES = [
    pytest.param("POST", "/evt", '[{"id": 1}]', 409, "23505", id="unique"),
    pytest.param("POST", "/comment", '{"id": 1, "evt_id": 99}', 409, "23503", id="foreign key"),
    pytest.param("POST", "/seat", '{"place": "a", "number": 1}', 400, "23502", id="not null"),
    pytest.param("POST", "/evt", '{"id": 9, "amount": -1}', 400, "23514", id="check"),
    pytest.param("POST", "/evt", '{"id": "x"}', 400, "22P02", id="bad number"),
    pytest.param("POST", "/evt", '{"id": 9, "amount": 1e12}', 400, "22003", id="overflow"),
    pytest.param("POST", "/evt", '{"id": 9, "nope": 1}', 400, "PGRST204", id="unknown column"),
    pytest.param("POST", "/evt?columns=id,nope", "[]", 400, "PGRST204", id="unknown in columns"),
    pytest.param("POST", "/evt", '[{"id": 9}, {"site": "a"}]', 400, "PGRST102", id="other keys"),
    pytest.param("POST", "/evt", '{"id": ', 400, "PGRST102", id="half JSON"),
    pytest.param("POST", "/evt", "", 400, "PGRST102", id="no body"),
    pytest.param("POST", "/evt", "[1]", 400, "PGRST102", id="no objects"),
    pytest.param("POST", "/evt", "[" * 100_000, 400, "PGRST102", id="deep JSON"),
    pytest.param("POST", "/evt", b'{"id": 9, "site": "\xff"}', 400, "PGRST102", id="no UTF-8"),
    pytest.param("POST", "/evt", r'{"id": 9, "payload": "\u0000"}', 400, "22P05", id="NUL"),
    pytest.param("POST", "/evt?limit=1", '{"id": 9}', 400, "PGRST127", id="limited insert"),
    pytest.param("PATCH", "/evt?id=gt.0&limit=1", '{"site": "z"}', 400, "PGRST127", id="limit"),
    pytest.param("PATCH", "/evt?id=eq.1", "[]", 400, "PGRST102", id="patch of no object"),
    pytest.param("PATCH", "/evt", '{"site": "z"}', 400, "21000", id="patch of everything"),
    pytest.param("DELETE", "/evt", "", 400, "21000", id="delete of everything"),
    pytest.param("PUT", "/evt?id=eq.1", '{"id": 1}', 405, "PGRST117", id="put"),
    pytest.param("PATCH", "/rpc/add", "{}", 405, "PGRST101", id="patch of a function"),
    pytest.param("POST", "/rpc/add", '{"a": 1, "c": 2}', 404, "PGRST202", id="unknown argument"),
    pytest.param("POST", "/rpc/add", '{"a": "x"}', 400, "22P02", id="bad argument"),
    pytest.param("POST", "/rpc/twice", '{"value": 1}', 300, "PGRST203", id="ambiguous"),
]


@pytest.mark.parametrize(("method", "path", "body", "status", "code"), REFUSED_WRITES)
def test_writes_that_are_refused_change_nothing(
    http: httpx.Client,
    sql: Sql,
    events: None,
    method: str,
    path: str,
    body: str | bytes,
    status: int,
    code: str,
) -> None:
    before = sql.execute("select * from evt order by id").fetchall()
    assert refusal(http.request(method, path, content=body, headers=JSON)) == (status, code)
    assert sql.execute("select * from evt order by id").fetchall() == before


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("P0001", 400),
        ("PT402", 402),
        ("22023", 400),
        ("40001", 500),
        ("53300", 503),
        ("XX000", 500),
    ],
)
def test_raised_errors_keep_code_and_message(http: httpx.Client, code: str, status: int) -> None:
    done = http.post("/rpc/fail", json={"code": code, "message": "of my own"})
    assert refusal(done) == (status, code)
    assert done.json()["message"] == "of my own"


def test_other_content_types_are_refused(http: httpx.Client) -> None:
    done = http.post("/evt", content="id\n1", headers={"Content-Type": "text/csv"})
    assert refusal(done) == (400, "PGRST102")


def test_media_types_that_cannot_be_made_are_refused(http: httpx.Client) -> None:
    for accept in ("text/csv", "application/vnd.pgrst.plan+json", "application/geo+json"):
        assert refusal(http.get("/evt", headers={"Accept": accept})) == (406, "PGRST107")


def test_single_object_write_of_two_rows_is_undone(
    http: httpx.Client, sql: Sql, events: None
) -> None:
    headers = {"Accept": "application/vnd.pgrst.object+json", "Prefer": "return=representation"}
    done = http.patch("/evt?site=eq.a", json={"site": "z"}, headers=headers)
    assert refusal(done) == (406, "PGRST116")
    assert sql.execute("select count(*) from evt where site = 'z'").fetchone() == (0,)


@pytest.mark.parametrize(
    ("method", "header"), [("GET", "Accept-Profile"), ("POST", "Content-Profile")]
)
def test_only_exposed_schemas_are_served(http: httpx.Client, method: str, header: str) -> None:
    assert http.request(method, "/rpc/whoami", headers={header: "public"}).is_success
    done = http.request(method, "/messages", json={}, headers={header: "realtime"})
    assert refusal(done) == (406, "PGRST106")


def test_strict_handling_refuses_unknown_preferences(http: httpx.Client) -> None:
    strict = {"Prefer": "handling=strict, tx=rollback"}
    assert refusal(http.get("/evt", headers=strict)) == (400, "PGRST122")
    assert http.get("/evt", headers={"Prefer": "tx=rollback"}).status_code == 200


@pytest.mark.parametrize(
    "query",
    [
        "id=eq.1;drop table evt",
        "id=eq.1) or (1=1",
        'site=in.(z,"\'); drop table public.evt; --")',
        'select="id"" from evt; --',
        "select=id::text) from evt; drop table evt; --",
        "order=id;drop table evt",
        'order="id"" desc; --"',
        "payload->>k'||version()=eq.1",
        "or=(id.eq.1) or (1.eq.1)",
        "limit=1;drop table evt",
    ],
)
def test_sql_in_queries_stays_text(http: httpx.Client, sql: Sql, events: None, query: str) -> None:
    key, _, value = query.partition("=")
    done = http.get("/evt", params={key: value})
    assert done.status_code in (200, 400, 416)
    assert done.status_code != 200 or done.json() == []
    assert sql.execute("select count(*) from evt").fetchone() == (4,)


def test_sql_in_bodies_stays_text(http: httpx.Client, sql: Sql) -> None:
    evil = "'); drop table public.evt; --"
    assert http.post("/evt", json={"id": 1, "site": evil}).status_code == 201
    assert http.post("/evt", json={evil: 1}).status_code == 400
    assert sql.execute("select site from evt").fetchone() == (evil,)


def test_what_nobody_gave_notice_of_is_not_there(http: httpx.Client, sql: Sql) -> None:
    """A migration that forgets its NOTIFY is found here, and not on the hosted service."""
    sql.execute("create table fresh (id int primary key, value int)")
    sql.execute("grant all on fresh to service_role")
    try:
        assert refusal(http.post("/fresh", json={"id": 1})) == (404, "PGRST205")
        sql.execute("notify pgrst, 'reload schema'")
        wait_until(lambda: http.post("/fresh", json={"id": 1}).status_code == 201)
        sql.execute("alter table fresh add column label text")
        labelled = {"id": 2, "label": "x"}
        assert refusal(http.post("/fresh?columns=id,label", json=labelled)) == (400, "PGRST204")
        sql.execute("alter table fresh alter column value type text")
        sql.execute("notify pgrst, 'reload schema'")
        wait_until(lambda: http.post("/fresh", json=labelled).status_code == 201)
        row = {"id": 3, "value": "word"}
        assert http.post("/fresh?on_conflict=id", json=row).status_code == 201
    finally:
        sql.execute("drop table fresh")
        sql.execute("notify pgrst, 'reload schema'")


def test_sql_sees_role_claims_and_request(
    http: httpx.Client, mint: Mint, rest: LocalSupabaseConfig
) -> None:
    headers = {"Authorization": f"Bearer {mint(site='s1', sub='u1')}", "User-Agent": "probe/1"}
    seen = http.get("/rpc/whoami", headers=headers).json()
    claims = seen.pop("claims")
    assert (claims["site"], claims["sub"], claims["role"]) == ("s1", "u1", "authenticated")
    assert seen == {
        "user": "authenticated",
        "method": "GET",
        "path": "/rpc/whoami",
        "agent": "probe/1",
        "timeout": "8s",
        "search_path": "public",
    }


def test_each_role_has_its_own_statement_timeout(
    http: httpx.Client, rest: LocalSupabaseConfig, sql: Sql
) -> None:
    anon = {"Authorization": f"Bearer {rest.api_key_jwt('anon')}"}
    assert http.get("/rpc/whoami", headers=anon).json()["timeout"] == "3s"
    sql.execute("alter role anon set statement_timeout = '50ms'")
    sql.execute("notify pgrst")
    try:
        waiting = {"seconds": 0.2}
        wait_until(lambda: not http.post("/rpc/wait", json=waiting, headers=anon).is_success)
        assert refusal(http.post("/rpc/wait", json=waiting, headers=anon)) == (500, "57014")
    finally:
        sql.execute("alter role anon set statement_timeout = '3s'")
        sql.execute("notify pgrst")
