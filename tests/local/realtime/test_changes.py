"""postgres_changes over a real socket: what arrives, in which form, and for whom."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import psycopg
import pytest

from spool_live.local.instance import LocalDatabase
from tests.local.realtime.serving import Serving
from tests.local.realtime.sql import MakeTable, Sql
from tests.local.realtime.waiting import eventually
from tests.local.realtime.wire import Wire, connect, mint
from tests.local.realtime.witness import Witness


def binding(table: str, event: str = "*", **more: Any) -> dict[str, Any]:
    return {"event": event, "schema": "public", "table": table, **more}


async def test_insert_update_and_delete(serving: Serving, sql: Sql, make_table: MakeTable) -> None:
    table = make_table("id int primary key, body text")
    async with connect(serving) as wire:
        await wire.subscribe("t", mint(serving), binding(table))
        sql(f"insert into {table} values (1, 'a')")
        sql(f"update {table} set body = 'b'")
        sql(f"update {table} set id = 2")
        sql(f"delete from {table}")
        inserted, updated, moved, deleted = [await wire.change() for _ in range(4)]
    assert (inserted["type"], inserted["record"]) == ("INSERT", {"id": 1, "body": "a"})
    assert "old_record" not in inserted
    assert (updated["type"], updated["record"]) == ("UPDATE", {"id": 1, "body": "b"})
    assert updated["old_record"] == {"id": 1}
    assert (moved["record"], moved["old_record"]) == ({"id": 2, "body": "b"}, {"id": 1})
    assert (deleted["type"], deleted["old_record"]) == ("DELETE", {"id": 2})
    assert "record" not in deleted
    assert all(change["errors"] is None for change in (inserted, updated, moved, deleted))


async def test_values_are_those_of_to_jsonb(
    serving: Serving, sql: Sql, make_table: MakeTable
) -> None:
    table = make_table(
        "id bigint primary key, n numeric, f float8, b boolean, u uuid, t timestamptz,"
        " d date, j jsonb, k json, a text[], y bytea, c char(4), bits bit(3), e text"
    )
    async with connect(serving) as wire:
        await wire.subscribe("t", mint(serving), binding(table))
        sql(
            f"insert into {table} values (9007199254740993, 1.10, 0.1, true,"
            " 'b2a7c4e0-0000-4000-8000-000000000001', '2026-01-02 03:04:05.6+02', '2026-01-02',"
            """ '{"b": [1, null]}', '{"k":  1}', array['x', null, 'y"z'], '\\xdeadbeef', 'ab',"""
            " '101', null)"
        )
        frame = await wire.connection.recv()
        data = json.loads(frame)["payload"]["data"]
    assert '"id": 9007199254740993' in str(frame), "int8 is a number, whatever JavaScript does"
    assert '"n": 1.10' in str(frame), "numeric keeps its scale"
    assert data["record"] == {
        "id": 9007199254740993,
        "n": 1.10,
        "f": 0.1,
        "b": True,
        "u": "b2a7c4e0-0000-4000-8000-000000000001",
        "t": "2026-01-02T01:04:05.6+00:00",
        "d": "2026-01-02",
        "j": {"b": [1, None]},
        "k": {"k": 1},
        "a": ["x", None, 'y"z'],
        "y": "\\xdeadbeef",
        "c": "ab  ",
        "bits": "101",
        "e": None,
    }
    types = {column["name"]: column["type"] for column in data["columns"]}
    assert (types["id"], types["a"], types["c"], types["t"]) == (
        "int8",
        "_text",
        "bpchar",
        "timestamptz",
    )


@pytest.mark.parametrize(
    ("condition", "matching"),
    [
        ("n=eq.02", {2}),
        ("n=neq.2", {1, 3}),
        ("n=lt.2", {1}),
        ("n=lte.2", {1, 2}),
        ("n=gt.2", {3}),
        ("n=gte.10", set()),
        ("n=in.(1,3)", {1, 3}),
        ('t=in.("a,b",gamma)', {1, 3}),
        ("n=not.in.(1,3)", {2}),
        ("t=like.al%", {2}),
        ("t=ilike.AL%", {2}),
        ("t=match.^g", {3}),
        ("t=imatch.^G", {3}),
        ("t=not.match.^g", {1, 2}),
        ("t=is.null", {4}),
        ("t=not.is.null", {1, 2, 3}),
        ("b=is.true", {1, 3}),
        ("n=isdistinct.2", {1, 3, 4}),
        ('t=eq."a,b"', {1}),
        ("n=gt.1,t=like.%a", {2, 3}),
        ("at=gt.2026-01-02T00:00:00Z", {2, 3}),
        ("u=eq.AAAAAAAA-0000-4000-8000-000000000002", {2}),
    ],
)
async def test_filter_compares_in_the_type_of_the_column(
    serving: Serving, sql: Sql, make_table: MakeTable, condition: str, matching: set[int]
) -> None:
    table = make_table(
        "id int primary key, n int, t text, b boolean, at timestamptz, u uuid, j json"
    )
    async with connect(serving) as wire:
        await wire.subscribe("t", mint(serving), binding(table, filter=condition), binding(table))
        sql(
            f"insert into {table} (id, n, t, b, at, u)"
            " values (1, 1, 'a,b', true, '2026-01-01', null),"
            " (2, 2, 'alpha', false, '2026-01-03', 'aaaaaaaa-0000-4000-8000-000000000002'),"
            " (3, 3, 'gamma', true, '2026-01-04', null), (4, null, null, null, null, null)"
        )
        frames = [await wire.expect("postgres_changes") for _ in range(4)]
    both = {frame["payload"]["data"]["record"]["id"] for frame in frames if len(ids(frame)) == 2}
    assert both == matching


def ids(frame: dict[str, Any]) -> list[int]:
    return list(frame["payload"]["ids"])


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"filter": "n=is.true"}, "is true filter requires a boolean column, got integer"),
        (
            {"filter": "n=is.maybe"},
            "invalid value for is filter: must be null, true, false, or unknown",
        ),
        ({"filter": "n=like.1%"}, "operator like requires a text-compatible column type, got int"),
        ({"filter": "t=match.["}, "invalid regular expression for match filter: "),
        ({"filter": "j=lt.{}"}, "operator does not exist: json < json"),
        (
            {"filter": f"n=in.({','.join(map(str, range(101)))})"},
            "too many values for `in` filter. Maximum 100",
        ),
        ({"filter": "n=in.(1,x)"}, 'invalid input syntax for type integer: "x"'),
        ({"select": ["id", "nope"]}, "invalid column for select nope"),
    ],
    ids=lambda value: next(iter(value.values()))[:20] if isinstance(value, dict) else "",
)
async def test_binding_that_could_fail_later_fails_at_once(
    serving: Serving, make_table: MakeTable, params: dict[str, Any], message: str
) -> None:
    table = make_table("id int primary key, n int, t text, j json")
    async with connect(serving) as wire:
        await wire.join("t", mint(serving), postgres_changes=[binding(table, **params)])
        payload = (await wire.expect("system"))["payload"]
    assert payload["status"] == "error"
    assert message in payload["message"]


async def test_one_bad_binding_spoils_the_others(
    serving: Serving, sql: Sql, make_table: MakeTable, witness: Witness
) -> None:
    table = make_table("id int primary key")
    async with connect(serving) as wire:
        bindings = [binding(table), binding("nope")]
        await wire.join("t", mint(serving), postgres_changes=bindings)
        assert (await wire.expect("system"))["payload"]["status"] == "error"
        sql(f"insert into {table} values (1)")
        await witness.everything_sent()
        await wire.quiet()


async def test_events_are_told_apart(
    serving: Serving, sql: Sql, make_table: MakeTable, witness: Witness
) -> None:
    table = make_table("id int primary key")
    async with connect(serving) as wire:
        await wire.subscribe("t", mint(serving), binding(table, "DELETE"))
        sql(f"insert into {table} values (1)")
        sql(f"update {table} set id = 2")
        sql(f"delete from {table}")
        assert (await wire.change())["type"] == "DELETE"
        await witness.everything_sent()
        await wire.quiet()


async def test_truncate_is_never_delivered(
    serving: Serving, sql: Sql, make_table: MakeTable, witness: Witness
) -> None:
    table = make_table("id int primary key", rows="(1)")
    async with connect(serving) as wire:
        await wire.subscribe("t", mint(serving), binding(table))
        sql(f"truncate {table}")
        await witness.everything_sent()
        await wire.quiet()


async def test_wildcards_cover_all_published_tables(
    serving: Serving, sql: Sql, make_table: MakeTable
) -> None:
    first, second = make_table("id int primary key"), make_table("id int primary key")
    async with connect(serving) as wire:
        await wire.subscribe("t", mint(serving), {"event": "INSERT", "schema": "public"})
        sql(f"insert into {first} values (1)")
        sql(f"insert into {second} values (2)")
        assert [(await wire.change())["table"] for _ in range(2)] == [first, second]


async def test_rows_are_for_their_own_site_only(
    serving: Serving, sql: Sql, make_table: MakeTable, witness: Witness
) -> None:
    table = make_table("id int primary key, site text", rls=True)
    async with connect(serving) as a, connect(serving) as b, connect(serving) as both:
        await a.subscribe("t", mint(serving, sites=["a"]), binding(table))
        await b.subscribe("t", mint(serving, sites=["b"]), binding(table))
        await both.subscribe("t", mint(serving, sites=["a", "b"]), binding(table))
        sql(f"insert into {table} values (1, 'a'), (2, 'b'), (3, 'a'), (4, 'c')")
        assert [await received(wire, n) for wire, n in ((a, 2), (b, 1), (both, 3))] == [
            [1, 3],
            [2],
            [1, 2, 3],
        ]
        await witness.everything_sent()
        for wire in (a, b, both):
            await wire.quiet()


async def received(wire: Wire, count: int) -> list[int]:
    return [(await wire.change())["record"]["id"] for _ in range(count)]


async def test_row_that_leaves_the_site_is_not_delivered(
    serving: Serving, sql: Sql, make_table: MakeTable, witness: Witness
) -> None:
    table = make_table("id int primary key, site text", rls=True, rows="(1, 'a')")
    async with connect(serving) as wire:
        await wire.subscribe("t", mint(serving, sites=["a"]), binding(table))
        sql(f"update {table} set site = 'b'")
        await witness.everything_sent()
        await wire.quiet()


async def test_row_deleted_before_it_is_looked_at_is_not_delivered(
    serving: Serving, sql: Sql, make_table: MakeTable
) -> None:
    table = make_table("id int primary key, site text", rls=True)
    async with connect(serving) as wire:
        await wire.subscribe("t", mint(serving, sites=["a"]), binding(table))
        sql(
            f"do $$ begin insert into {table} values (1, 'a'); delete from {table};"
            f" insert into {table} values (2, 'a'); end $$"
        )
        assert (await wire.change())["type"] == "DELETE"
        assert (await wire.change())["record"]["id"] == 2


async def test_deletes_skip_row_level_security_and_show_the_key_only(
    serving: Serving, sql: Sql, make_table: MakeTable
) -> None:
    table = make_table("id int primary key, site text", rls=True, rows="(1, 'a')")
    sql(f"alter table {table} replica identity full")
    async with connect(serving) as wire:
        await wire.subscribe("t", mint(serving, sites=["b"]), binding(table))
        sql(f"delete from {table}")
        assert (await wire.change())["old_record"] == {"id": 1}


async def test_full_identity_shows_the_old_row_where_everybody_may_read(
    serving: Serving, sql: Sql, make_table: MakeTable
) -> None:
    table = make_table("id int primary key, body text", rows="(1, 'a')")
    sql(f"alter table {table} replica identity full")
    async with connect(serving) as wire:
        await wire.subscribe("t", mint(serving), binding(table, filter="body=eq.b"), binding(table))
        sql(f"update {table} set body = 'b'")
        sql(f"delete from {table}")
        updated = await wire.expect("postgres_changes")
        deleted = await wire.expect("postgres_changes")
    assert updated["payload"]["data"]["old_record"] == {"id": 1, "body": "a"}
    assert deleted["payload"]["data"]["old_record"] == {"id": 1, "body": "b"}
    assert (len(ids(updated)), len(ids(deleted))) == (2, 2)


async def test_delete_is_filtered_by_what_identifies_the_row(
    serving: Serving, sql: Sql, make_table: MakeTable, witness: Witness
) -> None:
    table = make_table("id int primary key, body text", rows="(1, 'a'), (2, 'a')")
    async with connect(serving) as wire:
        await wire.subscribe(
            "t",
            mint(serving),
            binding(table, filter="body=eq.a"),
            binding(table, filter="body=is.null"),
            binding(table, filter="id=eq.2"),
        )
        sql(f"delete from {table}")
        assert (await wire.change())["old_record"] == {"id": 2}
        await witness.everything_sent()
        await wire.quiet()


async def test_large_value_that_an_update_left_alone_is_not_sent(
    serving: Serving, sql: Sql, make_table: MakeTable, witness: Witness
) -> None:
    table = make_table(
        "id int primary key, n int, body text storage external", rows="(1, 1, repeat('x', 9000))"
    )
    async with connect(serving) as wire:
        await wire.subscribe(
            "t", mint(serving), binding(table), binding(table, filter="body=like.x%")
        )
        sql(f"update {table} set n = 2")
        frame = await wire.expect("postgres_changes")
    assert frame["payload"]["data"]["record"] == {"id": 1, "n": 2}
    assert len(ids(frame)) == 1


async def test_only_granted_columns_are_shown(
    serving: Serving, sql: Sql, make_table: MakeTable
) -> None:
    table = make_table("id int primary key, body text, secret text", grant="select (id, body)")
    async with connect(serving) as wire:
        await wire.subscribe("t", mint(serving), binding(table))
        sql(f"insert into {table} values (1, 'a', 'hidden')")
        change = await wire.change()
    assert change["record"] == {"id": 1, "body": "a"}
    assert [column["name"] for column in change["columns"]] == ["id", "body"]


async def test_selected_columns_come_with_the_key(
    serving: Serving, sql: Sql, make_table: MakeTable
) -> None:
    table = make_table("id int primary key, a text, b text")
    async with connect(serving) as wire:
        await wire.subscribe("t", mint(serving), binding(table, select=["b"]))
        sql(f"insert into {table} values (1, 'x', 'y')")
        change = await wire.change()
    assert change["record"] == {"id": 1, "b": "y"}
    assert [column["name"] for column in change["columns"]] == ["id", "b"]


async def test_table_without_primary_key_gives_error_400(
    serving: Serving, sql: Sql, make_table: MakeTable
) -> None:
    table = make_table("id int")
    async with connect(serving) as wire:
        await wire.subscribe("t", mint(serving), binding(table))
        sql(f"insert into {table} values (1)")
        assert await wire.change() == {
            "schema": "public",
            "table": table,
            "type": "INSERT",
            "record": {},
            "columns": [],
            "errors": ["Error 400: Bad Request, no primary key"],
            "commit_timestamp": None,
        }


async def test_role_without_any_grant_gets_empty_deletes(
    serving: Serving, sql: Sql, make_table: MakeTable
) -> None:
    table = make_table("id int primary key", rows="(1)")
    async with connect(serving) as wire:
        await wire.subscribe("t", serving.config.api_key_jwt("anon"), binding(table))
        sql(f"delete from {table}")
        change = await wire.change()
    assert (change["old_record"], change["columns"], change["errors"]) == ({}, [], None)


async def test_service_role_sees_every_row(
    serving: Serving, sql: Sql, make_table: MakeTable
) -> None:
    table = make_table("id int primary key, site text", rls=True)
    sql(f"grant select on {table} to service_role")
    async with connect(serving, serving.config.secret_key) as wire:
        await wire.join("t", postgres_changes=[binding(table)])
        await wire.expect("system")
        sql(f"insert into {table} values (1, 'nobody')")
        assert (await wire.change())["record"]["id"] == 1


async def test_role_that_the_api_may_not_become_is_refused(
    serving: Serving, make_table: MakeTable
) -> None:
    table = make_table("id int primary key")
    async with connect(serving) as wire:
        token = mint(serving, role="supabase_admin")
        await wire.join("t", token, postgres_changes=[binding(table)])
        message = (await wire.expect("system"))["payload"]["message"]
    assert message.endswith(
        'ERROR 42501 (insufficient_privilege) permission denied to set role "supabase_admin"'
    )


async def test_many_rows_come_complete_and_in_order(
    serving: Serving, sql: Sql, make_table: MakeTable
) -> None:
    table = make_table("id int primary key, site text", rls=True)
    async with connect(serving) as wire:
        await wire.subscribe("t", mint(serving, sites=["a"]), binding(table))
        sql(f"insert into {table} select n, 'a' from generate_series(1, 2000) n")
        assert await received(wire, 2000) == list(range(1, 2001))


async def test_composite_and_odd_names(serving: Serving, sql: Sql, make_table: MakeTable) -> None:
    table = make_table(
        """ "Id" int, "sp ace" date, "per%cent" text, site text, n int, sent int, fresh int, t int,
        k1 int, candidate int, primary key ("Id", "sp ace")""",
        rls=True,
    )
    async with connect(serving) as wire:
        await wire.subscribe(
            "t", mint(serving, sites=["a"]), binding(table, filter="per%cent=eq.100%")
        )
        sql(f"insert into {table} values (1, '2026-01-01', '100%', 'a', 2, 3, 4, 5, 6, 7)")
        change = await wire.change()
    assert change["record"] == {
        "Id": 1,
        "sp ace": "2026-01-01",
        "per%cent": "100%",
        "site": "a",
        "n": 2,
        "sent": 3,
        "fresh": 4,
        "t": 5,
        "k1": 6,
        "candidate": 7,
    }


async def test_column_added_while_subscribed(
    serving: Serving, sql: Sql, make_table: MakeTable
) -> None:
    table = make_table("id int primary key, gone text")
    async with connect(serving) as wire:
        await wire.subscribe("t", mint(serving), binding(table))
        sql(f"alter table {table} add n int default 5, drop gone")
        sql(f"insert into {table} values (1)")
        assert (await wire.change())["record"] == {"id": 1, "n": 5}


async def test_policy_that_raises_silences_the_batch_and_says_so(
    serving: Serving,
    sql: Sql,
    make_table: MakeTable,
    witness: Witness,
    caplog: pytest.LogCaptureFixture,
) -> None:
    table = make_table("id int primary key, site text", rls=True)
    async with connect(serving) as wire:
        await wire.subscribe("t", mint(serving, sites=["a"]), binding(table))
        sql(f"create policy raising on {table} for select using ((site::int) = 1)")
        sql(f"insert into {table} values (1, 'a')")
        await eventually(lambda: f"nobody got 1 changes of public.{table}" in caplog.text)
        assert 'invalid input syntax for type integer: "a"' in caplog.text
        await witness.everything_sent()
        await wire.quiet()
        sql(f"drop policy raising on {table}")
        sql(f"insert into {table} values (2, 'a')")
        assert (await wire.change())["record"]["id"] == 2


async def test_commit_that_others_do_not_see_yet_is_waited_for(
    serving: Serving, sql: Sql, make_table: MakeTable, local_database: LocalDatabase
) -> None:
    """A commit is in the WAL, and decoded, before it is visible. Waiting for a standby that does
    not exist makes the moment long."""
    table = make_table("id int primary key, site text", rls=True)
    with psycopg.connect(local_database.conninfo(), autocommit=True) as admin:
        async with (
            await psycopg.AsyncConnection.connect(local_database.conninfo("postgres")) as writer,
            connect(serving) as wire,
        ):
            await wire.subscribe("t", mint(serving, sites=["a"]), binding(table))
            sql(f"insert into {table} values (0, 'a')")
            assert (await wire.change())["record"]["id"] == 0, "the server's sessions are open"
            admin.execute("alter system set synchronous_standby_names = 'nobody'")
            admin.execute("select pg_reload_conf()")
            try:
                number, committing = await _hanging_commit(writer, wire, table)
                await eventually(lambda: _server_sleeps(admin))
                await wire.quiet()
            finally:
                admin.execute("alter system reset synchronous_standby_names")
                admin.execute("select pg_reload_conf()")
            await committing
            assert (await wire.change())["record"]["id"] == number


async def _hanging_commit(
    writer: psycopg.AsyncConnection[Any], wire: Wire, table: str
) -> tuple[int, asyncio.Task[None]]:
    """Insert rows until a commit waits for the standby; the setting takes effect some time."""
    for number in range(1, 1000):
        await writer.execute(f"insert into {table} values ({number}, 'a')".encode())
        committing = asyncio.create_task(writer.commit())
        done, _ = await asyncio.wait((committing,), timeout=0.2)
        if not done:
            return number, committing
        assert (await wire.change())["record"]["id"] == number
    raise AssertionError("commits do not wait for the standby")


def _server_sleeps(admin: psycopg.Connection[Any]) -> bool:
    """The change has been decoded, and the server's own session waits for its commit."""
    asleep = "select from pg_stat_activity where wait_event = 'PgSleep'"
    return bool(admin.execute(asleep).fetchall())
