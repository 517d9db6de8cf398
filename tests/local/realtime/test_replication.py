from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import psycopg
import pytest

from spool_live.local.instance import LocalDatabase
from spool_live.local.realtime.pgoutput import Change
from spool_live.local.realtime.replication import ReplicationStream
from tests.local.realtime.sql import Sql
from tests.waiting import eventually

PUBLICATIONS = ("supabase_realtime", "supabase_realtime_messages_publication")


@pytest.fixture
async def stream(
    recorded_schema: None, local_database: LocalDatabase
) -> AsyncIterator[ReplicationStream]:
    stream = await ReplicationStream.open(local_database.conninfo(), PUBLICATIONS)
    yield stream
    stream.close()


async def first(stream: ReplicationStream, count: int) -> list[Change]:
    found: list[Change] = []
    async with asyncio.timeout(10), aclosing(aiter(stream)) as batches:
        async for changes in batches:
            found += changes
            if len(found) >= count:
                break
    return found


async def test_changes_come_in_commit_order(
    stream: ReplicationStream, local_database: LocalDatabase
) -> None:
    conninfo = local_database.conninfo("postgres")
    with psycopg.connect(conninfo) as early, psycopg.connect(conninfo) as late:
        insert = "insert into live_updates (site_id, kind) values ('order', %s)"
        early.execute(insert, ("written first",))
        late.execute(insert, ("committed first",))
        late.commit()
        early.commit()
    kinds = [change.values()["kind"] for change in await first(stream, 2)]
    assert kinds == ["committed first", "written first"]


async def test_what_was_rolled_back_does_not_come(
    stream: ReplicationStream, local_database: LocalDatabase, sql: Sql
) -> None:
    with psycopg.connect(local_database.conninfo("postgres")) as connection:
        connection.execute("insert into live_updates (kind) values ('never')")
        connection.rollback()
    sql("insert into live_updates (kind) values ('marker')")
    assert [change.values()["kind"] for change in await first(stream, 1)] == ["marker"]


async def test_large_transaction_comes_in_pieces_and_complete(
    stream: ReplicationStream, sql: Sql
) -> None:
    sql("insert into live_updates (kind) select 'bulk' || n from generate_series(1, 5000) n")
    changes = await first(stream, 5000)
    assert [change.values()["kind"] for change in changes] == [f"bulk{n}" for n in range(1, 5001)]
    assert len({change.transaction for change in changes}) == 1


async def test_both_publications_are_read(stream: ReplicationStream, sql: Sql) -> None:
    sql("select realtime.send('{}', 'e', 'stream', true)")
    (change,) = await first(stream, 1)
    assert (change.relation.schema, change.values()["topic"]) == ("realtime", "stream")


async def test_slot_ends_with_the_connection(local_database: LocalDatabase, sql: Sql) -> None:
    slots = "select slot_name from pg_replication_slots where temporary"
    before = set(sql(slots))
    stream = await ReplicationStream.open(local_database.conninfo(), PUBLICATIONS)
    own = set(sql(slots)) - before
    assert len(own) == 1
    stream.close()
    await eventually(lambda: not own & set(sql(slots)))


async def test_lost_connection_is_an_error(
    stream: ReplicationStream, local_database: LocalDatabase
) -> None:
    reading = asyncio.create_task(first(stream, 1))
    await asyncio.sleep(0)
    with psycopg.connect(local_database.conninfo(), autocommit=True) as connection:
        connection.execute(
            "select pg_terminate_backend(active_pid) from pg_replication_slots"
            " where active_pid in (select pid from pg_stat_replication order by backend_start desc"
            " limit 1)"
        )
    with pytest.raises(psycopg.OperationalError):
        await reading


async def test_refused_connection_is_an_error() -> None:
    with pytest.raises(psycopg.OperationalError):
        await ReplicationStream.open("postgresql://nobody@127.0.0.1:9/none", PUBLICATIONS)
