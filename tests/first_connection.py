"""What a Supabase project lacks until somebody has connected to it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import psycopg
from realtime import AsyncRealtimeClient

from spool_live.local.config import LocalSupabaseConfig
from spool_live.sql import read_sql

PARTITION_WITHIN = 60.0


def connect_once(config: LocalSupabaseConfig) -> None:
    """Somebody connects to Realtime, which makes the day's partition for messages then: a project
    that nobody has connected to yet stores none."""
    with psycopg.connect(config.conninfo("postgres"), autocommit=True) as connection:
        query = read_sql("environment/message_partition")

        def has_partition() -> bool:
            row = connection.execute(query.encode()).fetchone()
            return row is not None and not row[0]

        asyncio.run(_stay_connected(config, has_partition))


async def _stay_connected(config: LocalSupabaseConfig, until: Callable[[], bool]) -> None:
    url = f"{config.url.replace('http', 'ws', 1)}/realtime/v1"
    client = AsyncRealtimeClient(url, config.publishable_key)
    await client.connect()
    try:
        await client.channel("first").subscribe()
        async with asyncio.timeout(PARTITION_WITHIN):
            while not await asyncio.to_thread(until):  # noqa: ASYNC110  # a database, no event
                await asyncio.sleep(0.2)
    finally:
        await client.close()
