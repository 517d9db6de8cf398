"""The official Python client against the server, as in the recordings P01 to P13."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import websockets
from realtime import AsyncRealtimeChannel, AsyncRealtimeClient, RealtimeSubscribeStates
from realtime.types import RealtimePostgresChangesListenEvent as Events
from supabase import AsyncClientOptions, acreate_client

from spool_live.local.config import LocalSupabaseConfig
from tests.local.realtime.serving import Serving, serve
from tests.local.realtime.sql import Sql
from tests.local.realtime.wire import PATIENCE, mint
from tests.waiting import eventually

States = RealtimeSubscribeStates
INSERT = "insert into live_updates (site_id, kind) values (%s, %s)"
SEND = "select realtime.send(%s::jsonb, 'update', %s, true)"


@dataclass
class Subscriber:
    """A channel of the official client, and the arguments of its callbacks."""

    channel: AsyncRealtimeChannel
    states: asyncio.Queue[tuple[States, Exception | None]] = field(default_factory=asyncio.Queue)
    changes: asyncio.Queue[dict[str, Any]] = field(default_factory=asyncio.Queue)
    broadcasts: asyncio.Queue[dict[str, Any]] = field(default_factory=asyncio.Queue)
    live: asyncio.Event = field(default_factory=asyncio.Event)

    def on_changes(self, condition: str | None = None) -> None:
        self.channel.on_postgres_changes(
            Events.Insert, self._take_change, table="live_updates", filter=condition
        )
        self.channel.on_system(lambda _: self.live.set())

    def _take_change(self, change: Any) -> None:
        self.changes.put_nowait(change)

    def take_broadcast(self, broadcast: Any) -> None:
        self.broadcasts.put_nowait(broadcast)

    async def subscribe(self, state: States = States.SUBSCRIBED) -> None:
        await self.channel.subscribe(lambda state, error: self.states.put_nowait((state, error)))
        assert (await self.next_state())[0] is state

    async def next_state(self) -> tuple[States, Exception | None]:
        return await asyncio.wait_for(self.states.get(), PATIENCE)

    async def record(self) -> dict[str, Any]:
        change = await asyncio.wait_for(self.changes.get(), PATIENCE)
        return dict(change["data"]["record"])


@asynccontextmanager
async def client(serving: Serving, token: str | None) -> AsyncIterator[AsyncRealtimeClient]:
    """A realtime client with the publishable key that joins with ``token``."""
    url = f"ws://{serving.config.host}:{serving.config.port}/realtime/v1"
    realtime = AsyncRealtimeClient(url, serving.config.publishable_key)
    await realtime.set_auth(token)
    try:
        yield realtime
    finally:
        await realtime.close()


def private(realtime: AsyncRealtimeClient, topic: str) -> Subscriber:
    config: Any = {"config": {"private": True, "broadcast": {"ack": False, "self": False}}}
    subscriber = Subscriber(realtime.channel(topic, config))
    subscriber.channel.on_broadcast("update", subscriber.take_broadcast)
    return subscriber


async def test_subscribe_receive_and_leave(serving: Serving, sql: Sql) -> None:
    async with client(serving, mint(serving, sites=["p1"])) as realtime:
        subscriber = Subscriber(realtime.channel("live"))
        subscriber.on_changes("site_id=eq.p1")
        await subscriber.subscribe()
        await asyncio.wait_for(subscriber.live.wait(), PATIENCE)
        sql(INSERT, "p1", "seen")
        assert (await subscriber.record())["kind"] == "seen"
        await realtime.remove_channel(subscriber.channel)
        assert realtime.channels == {}


async def test_two_sites_in_both_modes(serving: Serving, sql: Sql) -> None:
    """Each subscriber gets its own site's row and message, and of the other's nothing."""
    async with (
        client(serving, mint(serving, sites=["pa"])) as first,
        client(serving, mint(serving, sites=["pb"])) as second,
    ):
        changes, topics = [], []
        for realtime, site in ((first, "pa"), (second, "pb")):
            subscriber = Subscriber(realtime.channel("live"))
            subscriber.on_changes()
            await subscriber.subscribe()
            await asyncio.wait_for(subscriber.live.wait(), PATIENCE)
            changes.append(subscriber)
            topic = private(realtime, f"site:{site}")
            await topic.subscribe()
            topics.append(topic)
        for site in ("pa", "pb", "pa", "pb"):
            sql(INSERT, site, site)
            sql(SEND, json.dumps({"site": site}), f"site:{site}")
        for own, site in zip(changes, ("pa", "pb"), strict=True):
            assert [(await own.record())["kind"] for _ in range(2)] == [site] * 2
        for own, site in zip(topics, ("pa", "pb"), strict=True):
            for _ in range(2):
                broadcast = await asyncio.wait_for(own.broadcasts.get(), PATIENCE)
                assert broadcast["payload"]["site"] == site
                assert broadcast["meta"]["id"] == broadcast["payload"]["id"]
        assert all(subscriber.changes.empty() for subscriber in changes)
        assert all(subscriber.broadcasts.empty() for subscriber in topics)


async def test_other_site_and_anonymous_key_stay_outside(serving: Serving) -> None:
    for token in (mint(serving, sites=["pb"]), serving.config.publishable_key):
        async with client(serving, token) as realtime:
            subscriber = private(realtime, "site:pa")
            await subscriber.subscribe(States.CHANNEL_ERROR)


async def test_expired_token_ends_the_channel_and_a_new_one_opens_another(
    serving: Serving, sql: Sql
) -> None:
    async with client(serving, mint(serving, 1.5, sites=["p5"])) as realtime:
        subscriber = Subscriber(realtime.channel("live"))
        subscriber.on_changes()
        await subscriber.subscribe()
        state, error = await subscriber.next_state()
        assert state is States.CHANNEL_ERROR
        assert "Token has expired 0 seconds ago" in str(error)
        assert (await subscriber.next_state())[0] is States.CLOSED
        await realtime.set_auth(mint(serving, sites=["p5"]))
        again = Subscriber(realtime.channel("live"))
        again.on_changes()
        await again.subscribe()
        await asyncio.wait_for(again.live.wait(), PATIENCE)
        sql(INSERT, "p5", "again")
        assert (await again.record())["kind"] == "again"


async def test_refreshed_token_keeps_the_channel_and_brings_its_claims(
    serving: Serving, sql: Sql
) -> None:
    async with client(serving, mint(serving, 2, sites=["p2"])) as realtime:
        subscriber = Subscriber(realtime.channel("live"))
        subscriber.on_changes()
        await subscriber.subscribe()
        await asyncio.wait_for(subscriber.live.wait(), PATIENCE)
        subscriber.live.clear()
        expires = time.time() + 2
        await realtime.set_auth(mint(serving, sites=["p3"]))
        await asyncio.wait_for(subscriber.live.wait(), PATIENCE)
        sql(INSERT, "p2", "no longer ours")
        sql(INSERT, "p3", "ours now")
        assert (await subscriber.record())["kind"] == "ours now"
        await asyncio.sleep(max(0.0, expires + 0.2 - time.time()))
        sql(INSERT, "p3", "after the first token has expired")
        assert (await subscriber.record())["kind"] == "after the first token has expired"


async def test_bad_filter_is_an_error_after_subscribed(serving: Serving) -> None:
    async with client(serving, mint(serving, sites=["p6"])) as realtime:
        subscriber = Subscriber(realtime.channel("live"))
        subscriber.on_changes("nope=eq.1")
        await subscriber.subscribe()
        state, error = await subscriber.next_state()
    assert state is States.CHANNEL_ERROR
    assert "invalid column for filter nope" in str(error)


async def test_role_without_grant_gets_what_the_client_cannot_read(
    serving: Serving, sql: Sql, caplog: pytest.LogCaptureFixture
) -> None:
    async with client(serving, serving.config.publishable_key) as realtime:
        subscriber = Subscriber(realtime.channel("live"))
        subscriber.on_changes()
        await subscriber.subscribe()
        await asyncio.wait_for(subscriber.live.wait(), PATIENCE)
        with caplog.at_level(logging.ERROR, "realtime"):
            sql(INSERT, "p7", "x")
            # Its log prints the frame, unless our own client has taught it in this process not to.
            await eventually(lambda: [r for r in caplog.records if r.levelno >= logging.ERROR])
    assert subscriber.changes.empty()


async def test_garbage_token_is_refused_until_a_good_one_is_set(serving: Serving, sql: Sql) -> None:
    async with client(serving, "garbage") as realtime:
        subscriber = Subscriber(realtime.channel("live"))
        subscriber.on_changes()
        await subscriber.subscribe(States.CHANNEL_ERROR)
        await realtime.set_auth(mint(serving, sites=["p11"]))
        assert (await subscriber.next_state())[0] is States.SUBSCRIBED
        await asyncio.wait_for(subscriber.live.wait(), PATIENCE)
        sql(INSERT, "p11", "x")
        assert (await subscriber.record())["kind"] == "x"


async def test_bad_key_is_a_401_for_the_client(serving: Serving) -> None:
    url = f"ws://{serving.config.host}:{serving.config.port}/realtime/v1"
    realtime = AsyncRealtimeClient(url, "garbage", max_retries=1)
    with pytest.raises(websockets.InvalidStatus) as caught:
        await realtime.connect()
    assert caught.value.response.status_code == 401


# the client reads an attribute that websockets has deprecated; as an error it would kill its task
@pytest.mark.filterwarnings("ignore:ConnectionClosed.(code|reason) is deprecated")
async def test_client_comes_back_after_a_restart_of_the_server(
    recorded_schema: None, local_config: LocalSupabaseConfig, sql: Sql
) -> None:
    with serve(local_config) as before:
        port = before.config.port
        async with client(before, mint(before, sites=["p12"])) as realtime:
            subscriber = Subscriber(realtime.channel("live"))
            subscriber.on_changes()
            await subscriber.subscribe()
            await asyncio.wait_for(subscriber.live.wait(), PATIENCE)
            subscriber.live.clear()
            await asyncio.to_thread(before.stop)
            state, error = await subscriber.next_state()
            assert state is States.CHANNEL_ERROR
            assert isinstance(error, websockets.ConnectionClosedError)
            assert error.rcvd is not None
            assert error.rcvd.code == 1012
            with serve(local_config, port=port):
                assert (await subscriber.next_state())[0] is States.SUBSCRIBED
                await asyncio.wait_for(subscriber.live.wait(), PATIENCE)
                sql(INSERT, "p12", "back")
                assert (await subscriber.record())["kind"] == "back"


async def test_supabase_client_with_a_token_of_its_own(serving: Serving, sql: Sql) -> None:
    options = AsyncClientOptions(realtime={"auto_reconnect": False})
    supabase = await acreate_client(serving.config.url, serving.config.publishable_key, options)
    await supabase.realtime.set_auth(mint(serving, sites=["p13"]))
    try:
        subscriber = private(supabase.realtime, "site:p13")
        await subscriber.subscribe()
        sql(SEND, '{"n": 1}', "site:p13")
        broadcast = await asyncio.wait_for(subscriber.broadcasts.get(), PATIENCE)
        assert broadcast["payload"]["n"] == 1
    finally:
        await supabase.realtime.close()


async def test_clients_broadcast_to_each_other(serving: Serving) -> None:
    async with client(serving, None) as first, client(serving, None) as second:
        sender, listener = Subscriber(first.channel("chat")), Subscriber(second.channel("chat"))
        listener.channel.on_broadcast("hi", listener.take_broadcast)
        await sender.subscribe()
        await listener.subscribe()
        await sender.channel.send_broadcast("hi", {"z": 1})
        broadcast = await asyncio.wait_for(listener.broadcasts.get(), PATIENCE)
        assert broadcast["payload"] == {"z": 1}
