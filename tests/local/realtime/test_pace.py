"""Where the real service is slow by its nature: polled changes, a cold start, a slot refused."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import psycopg
import pytest

from spool_live.local.config import LocalSupabaseConfig, Pace
from spool_live.local.instance import LocalDatabase, local_database
from spool_live.local.processes import free_port
from tests.local.realtime.serving import serve
from tests.local.realtime.sql import Sql
from tests.local.realtime.wire import binding, connect, mint

TOPIC_FOR_ALL = """
    create policy everybody on realtime.messages for select to authenticated using (true)
"""
COLD = 1.0


async def test_changes_are_polled_for(
    recorded_schema: None, local_config: LocalSupabaseConfig, sql: Sql
) -> None:
    """One row at a time comes as late as the poll; a second one soon after shares it."""
    config = replace(local_config, pace=Pace(changes_interval=0.4))
    delays = []
    with serve(config) as serving:
        async with connect(serving) as wire:
            await wire.subscribe("t", mint(serving, sites=["s1"]), binding("live_updates"))
            for _ in range(3):
                sql("insert into live_updates (site_id, kind) values ('s1', 'a'), ('s1', 'b')")
                committed = time.monotonic()
                await wire.records(2)
                delays.append(time.monotonic() - committed)
    assert max(delays) > 0.1, "not at once"
    assert max(delays) < 0.4 * 5 + 5


@pytest.fixture
def never_connected(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalDatabase]:
    config = LocalSupabaseConfig.generate(
        tmp_path_factory.mktemp("cold"), database_port=free_port(), pace=Pace(0.0, COLD)
    )
    with local_database(config) as database:
        with psycopg.connect(config.conninfo("supabase_admin")) as connection:
            connection.execute(TOPIC_FOR_ALL)
        yield database


async def test_project_that_nobody_has_connected_to_starts_cold(
    never_connected: LocalDatabase,
) -> None:
    config = never_connected.config
    with serve(config) as serving:
        token = mint(serving)
        async with connect(serving) as wire:
            reply = await wire.join("site:1", token, private=True)
            assert reply["response"]["reason"].startswith("MissingPartition")
            deadline = time.monotonic() + 30
            while reply["status"] == "error":
                assert time.monotonic() < deadline
                reply = await wire.join("site:1", token, private=True)
    with serve(config) as again:
        async with connect(again) as wire:
            reply = await wire.join("site:1", mint(again), private=True)
            assert reply["status"] == "ok", "a start is cold only once"


async def test_server_without_a_slot_says_subscribed_and_delivers_nothing(
    recorded_schema: None, local_config: LocalSupabaseConfig, sql: Sql
) -> None:
    with serve(replace(local_config, has_slot=False)) as serving, serve(local_config) as witness:
        async with connect(serving) as wire, connect(witness) as other:
            for each, where in ((wire, serving), (other, witness)):
                await each.subscribe("t", mint(where, sites=["s1"]), binding("live_updates"))
            sql("insert into live_updates (site_id, kind) values ('s1', 'a')")
            await other.change()
            await wire.quiet()
