"""PostgreSQL and the server itself go away and come back."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from spool_live.local.config import AT_ONCE, LocalSupabaseConfig
from spool_live.local.instance import LocalDatabase
from spool_live.local.processes import free_port
from spool_live.local.realtime.options import RealtimeOptions
from spool_live.local.realtime.server import RealtimeServer
from tests.local.realtime.serving import serve
from tests.local.realtime.wire import connect, mint
from tests.waiting import eventually

BINDING = {"event": "INSERT", "schema": "public", "table": "live_updates"}
INSERT = "insert into live_updates (site_id, kind) values ('a', %s)"


@pytest.fixture(scope="module")
def own_database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalDatabase]:
    """A database that these tests may stop."""
    config = LocalSupabaseConfig.generate(
        tmp_path_factory.mktemp("outages"), database_port=free_port(), pace=AT_ONCE
    )
    database = LocalDatabase(config)
    database.start()
    run(database, Path(__file__).with_name("schema.sql").read_text())
    yield database
    database.stop()


def run(database: LocalDatabase, statement: str, *parameters: object) -> list[Any]:
    with psycopg.connect(database.conninfo("postgres")) as connection:
        cursor = connection.execute(statement.encode(), parameters or None)
        return cursor.fetchall() if cursor.description else []


def followed(database: LocalDatabase) -> bool:
    """Whether a server streams the database's changes."""
    return bool(run(database, "select 1 from pg_replication_slots where temporary and active"))


def sent(database: LocalDatabase) -> bool:
    """Whether the server has all that was committed."""
    lag = "select 1 from pg_stat_replication where sent_lsn >= pg_current_wal_flush_lsn()"
    return bool(run(database, lag))


async def test_changes_and_broadcasts_go_on_after_a_restart_of_postgresql(
    own_database: LocalDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    with serve(own_database.config) as serving:
        async with connect(serving) as wire:
            token = mint(serving, sites=["a"])
            await wire.subscribe("t", token, BINDING)
            await wire.join("site:a", token, private=True)
            await asyncio.to_thread(own_database.stop)
            await wire.quiet()
            await asyncio.to_thread(own_database.start)
            await eventually(lambda: followed(own_database))
            run(own_database, INSERT, "after")
            assert (await wire.change())["record"]["kind"] == "after"
            run(own_database, "select realtime.send('{}', 'e', 'site:a', true)")
            await wire.expect("broadcast")
            await wire.quiet()
    assert "no changes from PostgreSQL, trying again" in caplog.text


@pytest.mark.parametrize("waking", ["refresh", "join of somebody else"])
async def test_like_the_real_server_broadcasts_stay_dead_until_somebody_wakes_them(
    own_database: LocalDatabase, waking: str
) -> None:
    config = replace(own_database.config, sleeps_after_restart=True)
    with serve(config) as serving:
        async with connect(serving) as wire:
            token = mint(serving, sites=["a"])
            await wire.subscribe("t", token, BINDING)
            await wire.join("site:a", token, private=True)
            await asyncio.to_thread(own_database.stop)
            await asyncio.to_thread(own_database.start)
            await eventually(lambda: followed(own_database))
            run(own_database, "select realtime.send('{}', 'lost', 'site:a', true)")
            run(own_database, INSERT, "comes back by itself")
            assert (await wire.change())["record"]["kind"] == "comes back by itself"
            if waking == "refresh":
                same, new = token, mint(serving, sites=["a"], nonce=1)
                await wire.send("access_token", {"access_token": same}, "realtime:site:a")
                await wire.quiet()
                run(own_database, "select realtime.send('{}', 'lost', 'site:a', true)")
                run(own_database, INSERT, "after an identical token")
                await wire.change()
                await wire.send("access_token", {"access_token": new}, "realtime:site:a")
                await wire.quiet()
            else:
                async with connect(serving) as other:
                    await other.join("site:a", token, private=True)
            run(own_database, "select realtime.send('{}', 'awake', 'site:a', true)")
            assert (await wire.expect("broadcast"))["payload"]["event"] == "awake"


async def test_like_the_real_server_a_long_absence_ends_changes_until_a_refresh(
    own_database: LocalDatabase,
) -> None:
    config = replace(own_database.config, sleeps_after_restart=True)
    with serve(config, options=RealtimeOptions(long_absence=0.0)) as serving:
        async with connect(serving) as wire:
            await wire.subscribe("t", mint(serving, sites=["a"]), BINDING)
            await asyncio.to_thread(own_database.stop)
            await asyncio.to_thread(own_database.start)
            await eventually(lambda: followed(own_database))
            run(own_database, INSERT, "lost")
            await eventually(lambda: sent(own_database))
            await wire.quiet()
            new = {"access_token": mint(serving, sites=["a"], nonce=1)}
            await wire.send("access_token", new, "realtime:t")
            assert (await wire.expect("system"))["payload"]["status"] == "ok"
            run(own_database, INSERT, "awake")
            assert (await wire.change())["record"]["kind"] == "awake"


async def test_without_postgresql_joins_are_refused_or_wait(own_database: LocalDatabase) -> None:
    with serve(own_database.config) as serving:
        async with connect(serving) as wire:
            token = mint(serving, sites=["a"])
            await asyncio.to_thread(own_database.stop)
            refused = await wire.join("site:a", token, private=True)
            assert refused["response"]["reason"] == (
                "UnableToConnectToProject: Realtime was unable to connect to the project database"
            )
            joined = await wire.join("t", token, postgres_changes=[BINDING])
            assert joined["status"] == "ok"
            await wire.quiet()
            await asyncio.to_thread(own_database.start)
            assert (await wire.expect("system"))["payload"]["status"] == "ok"


async def test_refresh_without_postgresql_closes_a_private_channel(
    own_database: LocalDatabase,
) -> None:
    with serve(own_database.config) as serving:
        async with connect(serving) as wire:
            await wire.join("site:a", mint(serving, sites=["a"]), private=True)
            await asyncio.to_thread(own_database.stop)
            try:
                new = {"access_token": mint(serving, sites=["a"], nonce=1)}
                await wire.send("access_token", new, "realtime:site:a")
                assert (await wire.expect("system"))["payload"]["message"] == (
                    "Realtime was unable to connect to the project database"
                )
                await wire.expect("phx_close")
            finally:
                await asyncio.to_thread(own_database.start)


async def test_server_starts_before_its_database(own_database: LocalDatabase) -> None:
    await asyncio.to_thread(own_database.stop)
    server = RealtimeServer(own_database.config)
    starting = asyncio.create_task(server.start())
    await asyncio.to_thread(own_database.start)
    await starting
    await eventually(lambda: followed(own_database))
    await server.stop()
    await eventually(lambda: not followed(own_database))


async def test_stopping_server_says_that_it_restarts(own_database: LocalDatabase) -> None:
    with serve(own_database.config) as serving:
        async with connect(serving) as wire:
            await wire.join("t")
            await asyncio.to_thread(serving.stop)
            assert await wire.closed() == 1012


async def test_published_tables_are_followed_without_being_told(
    own_database: LocalDatabase,
) -> None:
    with serve(own_database.config, options=RealtimeOptions(publication_check=0.1)) as serving:
        async with connect(serving) as wire:
            await wire.subscribe("t", mint(serving), {"event": "*", "schema": "public"})
            run(own_database, "create table late (id int primary key)")
            run(own_database, "grant select on late to authenticated")
            run(own_database, "alter publication supabase_realtime add table late")
            assert (await wire.expect("system"))["payload"]["status"] == "ok"
            run(own_database, "insert into late values (1)")
            assert (await wire.change())["table"] == "late"


async def test_day_partitions_are_made_ahead(own_database: LocalDatabase) -> None:
    partitions = "select count(*) from pg_inherits where inhparent = 'realtime.messages'::regclass"
    days = "to_char(now() at time zone 'utc' + interval '2 days', 'YYYY_MM_DD')"
    ((before,),) = run(own_database, partitions)
    ((day,),) = run(own_database, f"select {days}")
    with psycopg.connect(own_database.conninfo()) as connection:
        connection.execute(f"drop table realtime.messages_{day}".encode())
    with serve(own_database.config, options=RealtimeOptions(partition_check=0.1)):
        await eventually(lambda: run(own_database, partitions) == [(before,)])


@pytest.mark.parametrize("statements", ["one transaction", "two transactions"])
async def test_publication_may_be_made_anew(own_database: LocalDatabase, statements: str) -> None:
    drop, create = "drop publication supabase_realtime", "create publication supabase_realtime"
    with serve(own_database.config, options=RealtimeOptions(publication_check=0.1)) as serving:
        async with connect(serving) as wire:
            await wire.subscribe("t", mint(serving, sites=["a"]), BINDING)
            if statements == "one transaction":
                run(own_database, f"{drop}; {create} for table live_updates")
            else:
                run(own_database, drop)
                run(own_database, INSERT, "published by nobody")
                run(own_database, f"{create} for table live_updates")
            await eventually(lambda: followed(own_database))
            run(own_database, INSERT, "after")
            frame = await wire.receive()
            while frame["event"] == "system":
                frame = await wire.receive()
            assert frame["payload"]["data"]["record"]["kind"] == "after"
