"""Who gets a change: Row Level Security, grants, roles, and commits in the making."""

from __future__ import annotations

import asyncio
from typing import Any

import psycopg
import pytest

from spool_live.local.instance import LocalDatabase
from tests.local.realtime.serving import Serving
from tests.local.realtime.sql import MakeTable, Sql
from tests.local.realtime.wire import Wire, binding, connect, mint
from tests.local.realtime.witness import Witness
from tests.waiting import eventually


async def test_rows_are_for_their_own_site_only(
    serving: Serving, sql: Sql, make_table: MakeTable, witness: Witness
) -> None:
    table = make_table("id int primary key, site text", rls=True)
    async with connect(serving) as a, connect(serving) as b, connect(serving) as both:
        await a.subscribe("t", mint(serving, sites=["a"]), binding(table))
        await b.subscribe("t", mint(serving, sites=["b"]), binding(table))
        await both.subscribe("t", mint(serving, sites=["a", "b"]), binding(table))
        sql(f"insert into {table} values (1, 'a'), (2, 'b'), (3, 'a'), (4, 'c')")
        assert [await wire.records(n) for wire, n in ((a, 2), (b, 1), (both, 3))] == [
            [1, 3],
            [2],
            [1, 2, 3],
        ]
        await witness.everything_sent()
        for wire in (a, b, both):
            await wire.quiet()


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
        await eventually(lambda: f"no subscriber got 1 changes of public.{table}" in caplog.text)
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
