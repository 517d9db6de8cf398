from __future__ import annotations

import asyncio

import psycopg
import pytest

from spool_live.local.instance import LocalDatabase
from spool_live.local.rest.errors import ApiError
from spool_live.local.rest.pool import ConnectionPool


async def test_connections_are_used_again(local_database: LocalDatabase) -> None:
    pool = ConnectionPool(local_database.conninfo("authenticator"))
    async with pool.connection() as first:
        pass
    async with pool.connection() as second:
        assert second is first
    await pool.close()


async def test_connection_left_in_a_transaction_is_thrown_away(
    local_database: LocalDatabase,
) -> None:
    pool = ConnectionPool(local_database.conninfo("authenticator"), size=1)
    async with pool.connection() as first:
        await first.execute("begin")
    assert first.closed
    async with pool.connection() as second:
        assert second is not first
    await pool.close()


async def test_connection_that_broke_is_thrown_away(local_database: LocalDatabase) -> None:
    pool = ConnectionPool(local_database.conninfo("authenticator"), size=1)
    with pytest.raises(psycopg.OperationalError):
        async with pool.connection() as first:
            await first.execute("select pg_terminate_backend(pg_backend_pid())")
    async with pool.connection() as second:
        assert await (await second.execute("select 1")).fetchone() == (1,)
    await pool.close()


async def test_no_free_connection_in_time_is_504(local_database: LocalDatabase) -> None:
    pool = ConnectionPool(local_database.conninfo("authenticator"), size=1, patience=0.05)
    async with pool.connection():
        with pytest.raises(ApiError) as refused:
            async with pool.connection():
                pass
    assert (refused.value.status, refused.value.code) == (504, "PGRST003")
    await pool.close()


async def test_requests_wait_for_a_free_connection(local_database: LocalDatabase) -> None:
    pool = ConnectionPool(local_database.conninfo("authenticator"), size=2)

    async def ask() -> int:
        async with pool.connection() as connection:
            row = await (await connection.execute("select pg_backend_pid()")).fetchone()
            return int(row[0]) if row else 0

    pids = await asyncio.gather(*(ask() for _ in range(10)))
    assert 1 <= len(set(pids)) <= 2
    await pool.close()
