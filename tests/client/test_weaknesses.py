"""Each weakness of the official client: shown there, and absent here."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
from realtime import AsyncRealtimeClient, RealtimeSubscribeStates
from supabase import acreate_client
from websockets.exceptions import InvalidProxyMessage

from spool_live.client import LiveUpdate, Timing
from tests.client.conftest import World
from tests.client.proxies import ConnectProxy
from tests.waiting import eventually

JOINED = "SUBSCRIBED"


class Stock:
    """The official client, used as its documentation shows."""

    def __init__(self, world: World, **options: Any) -> None:
        self.world = world
        url = f"{world.realtime.url}/realtime/v1"
        self.client = AsyncRealtimeClient(url, token="key", **options)
        self.states: list[str] = []
        self.seqs: list[int] = []
        self.systems: list[str] = []
        self.explode = False

    @property
    def listening(self) -> asyncio.Task[Any]:
        """The library's task that reads the socket."""
        task = self.client._listen_task
        assert task is not None
        return task

    async def subscribe(self) -> Stock:
        config: Any = {
            "broadcast": {"ack": False, "self": False},
            "presence": {"key": "", "enabled": False},
            "private": True,
        }
        channel = self.client.channel(self.world.cms.topic, {"config": config})
        channel.on_broadcast("live_updates", self._on_broadcast)
        channel.on_system(lambda payload: self.systems.append(payload.message))
        await channel.subscribe(self._on_state)
        assert self.states == [JOINED]
        return self

    def _on_state(self, state: RealtimeSubscribeStates, error: Exception | None) -> None:
        self.states.append(state.value)

    def _on_broadcast(self, payload: Any) -> None:
        if self.explode:
            raise RuntimeError("in a callback")
        self.seqs += [change["seq"] for change in payload["payload"]["changes"]]


@pytest.fixture
async def stock(world: World) -> AsyncIterator[type[Stock]]:
    before = asyncio.all_tasks()
    made: list[Stock] = []

    class Tracked(Stock):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            made.append(self)

    yield Tracked
    for one in made:
        await one.client.close()
    left = asyncio.all_tasks() - before - {asyncio.current_task()}
    for task in left:  # the library leaves timers behind
        if "realtime/_async" in repr(task.get_coro()):
            task.cancel()


def seqs(updates: list[LiveUpdate]) -> list[int | None]:
    return [update.seq for update in updates]


async def test_1_exception_in_a_callback(world: World, stock: type[Stock]) -> None:
    theirs = await stock(world).subscribe()
    client, ours = await world.live()
    theirs.explode = True
    client.on_update(lambda update: 1 / 0)  # type: ignore[arg-type,return-value]
    await world.publish()
    await eventually(theirs.listening.done)
    theirs.explode = False
    await world.publish()
    await eventually(lambda: seqs(ours) == [1, 2])
    assert theirs.client.is_connected
    assert theirs.states == [JOINED], "no sign of it"
    assert theirs.seqs == []
    assert isinstance(theirs.listening.exception(), RuntimeError)


async def test_2_token_expiry(world: World, stock: type[Stock]) -> None:
    theirs = await stock(world).subscribe()
    client, ours = await world.live()
    await world.realtime.system("Token has expired 0 seconds ago", "error", close=True)
    await eventually(lambda: theirs.states == [JOINED, "CHANNEL_ERROR", "CLOSED"])
    await eventually(lambda: len(world.realtime.joins) == 3)
    await client.wait_until_live(5)
    await world.publish()
    await eventually(lambda: seqs(ours) == [1])
    assert theirs.client.is_connected
    assert theirs.client.channels == {}, "gone for good"
    assert theirs.seqs == []


async def test_3_system_error_destroys_the_channel_and_leaves_a_zombie(
    world: World, stock: type[Stock]
) -> None:
    theirs = await stock(world).subscribe()
    await world.realtime.system("Unable to subscribe to changes", "error")
    await eventually(lambda: theirs.states == [JOINED, "CHANNEL_ERROR", JOINED, "CLOSED"])
    await world.publish()
    assert len(world.realtime.joined) == 1, "the server still sends"
    assert theirs.client.channels == {}, "and nobody listens"
    await theirs.client.close()
    client, ours = await world.live(start=1)
    await world.realtime.system("Unable to subscribe to changes", "error")
    await eventually(lambda: len(world.realtime.joins) == 4)
    await client.wait_until_live(5)
    await world.publish()
    await eventually(lambda: seqs(ours) == [2])
    assert len(world.realtime.joined) == 1


async def test_4_gives_up_without_a_word(
    world: World, stock: type[Stock], caplog: pytest.LogCaptureFixture
) -> None:
    theirs = await stock(world, max_retries=3, initial_backoff=0.01).subscribe()
    client, ours = await world.live()
    await world.realtime.kill()
    await eventually(theirs.listening.done)
    await eventually(lambda: client.state.reconnect_attempts >= 3)
    await world.realtime.start()
    await client.wait_until_live(5)
    await world.publish()
    await eventually(lambda: seqs(ours) == [1])
    assert theirs.states == [JOINED, "CHANNEL_ERROR"]
    assert theirs.seqs == []
    assert theirs.listening.exception() is not None


async def test_5_frame_of_more_than_a_megabyte(world: World, stock: type[Stock]) -> None:
    theirs = await stock(world).subscribe()
    _, ours = await world.live()
    await world.publish(metadata={"text": "x" * 1_100_000})
    await eventually(lambda: seqs(ours) == [1])
    await eventually(lambda: theirs.states == [JOINED, "CHANNEL_ERROR", JOINED])
    assert theirs.seqs == [], "lost"


async def test_6_frames_it_cannot_read_are_printed(
    world: World, stock: type[Stock], caplog: pytest.LogCaptureFixture
) -> None:
    frame = '{"event":"broadcast","payload":"private content","ref":1}'
    caplog.set_level(logging.INFO)
    logger = logging.getLogger("realtime._async.client")
    filters, logger.filters = logger.filters, []
    try:
        theirs = await stock(world).subscribe()
        await world.realtime.raw(frame)
        await eventually(lambda: "private content" in caplog.text)
        await theirs.client.close()
    finally:
        logger.filters = filters
    caplog.clear()
    _, ours = await world.live()
    world.cms.record()
    await world.realtime.raw(frame)
    await eventually(lambda: seqs(ours) == [1])
    assert "frame the library cannot read was dropped" in caplog.text
    assert "private content" not in caplog.text


async def test_7_system_errors_do_not_reach_on_system(world: World, stock: type[Stock]) -> None:
    theirs = await stock(world).subscribe()
    await world.realtime.system("something failed", "error")
    await eventually(lambda: theirs.states == [JOINED, "CHANNEL_ERROR"])
    assert theirs.systems == []
    client, _ = await world.live()
    errors: list[str | None] = []
    client.on_state(lambda state: errors.append(state.error))
    await world.realtime.system("something failed", "error")
    await eventually(lambda: any("something failed" in (error or "") for error in errors))


@pytest.mark.parametrize("mode", ["broadcast", "postgres_changes"])
async def test_8_channel_that_looks_alive(world: World, stock: type[Stock], mode: str) -> None:
    theirs = await stock(world).subscribe()
    world.cms.mode = mode
    _, ours = await world.live()
    world.realtime.flowing, world.realtime.dead_until_new_token = False, True
    await world.publish()
    await eventually(lambda: seqs(ours) == [1])
    await eventually(lambda: world.realtime.flowing)
    assert theirs.states == [JOINED]
    assert theirs.seqs == []


async def test_9_listener_added_after_the_join_ends_the_channel_at_the_next_reconnect(
    world: World, stock: type[Stock]
) -> None:
    world.cms.mode = "postgres_changes"
    theirs = await stock(world).subscribe()
    client, ours = await world.live()
    their_late: list[Any] = []
    (channel,) = theirs.client.get_channels()
    channel.on_postgres_changes("INSERT", their_late.append, table="live_updates")  # type: ignore[arg-type]
    our_late: list[LiveUpdate] = []
    client.on_update(our_late.append)
    await world.publish()
    await eventually(lambda: seqs(our_late) == [1])
    await world.realtime.close_sockets(1012)
    await eventually(lambda: theirs.states[-1] == "CLOSED")
    await client.wait_until_live(5)
    await world.publish()
    await eventually(lambda: seqs(ours) == seqs(our_late) == [1, 2])
    assert theirs.client.channels == {}, "gone for good"
    assert their_late == []


async def test_10_what_is_pushed_while_not_joined_is_lost_or_piles_up(
    world: World, stock: type[Stock]
) -> None:
    theirs = await stock(world).subscribe()
    (channel,) = theirs.client.get_channels()
    joined = world.realtime.joined.pop()
    frame = {"topic": joined.topic, "event": "phx_error", "payload": {}, "ref": joined.join_ref}
    await joined.socket.send(json.dumps(frame))
    await eventually(lambda: theirs.states == [JOINED, "CHANNEL_ERROR"])
    await channel.send_broadcast("e", {})
    await eventually(lambda: (joined.topic, "broadcast") in world.realtime.heard)
    assert len(world.realtime.joins) == 1, "sent to a topic that nobody has joined"
    await world.realtime.kill()
    await eventually(lambda: not theirs.client.is_connected)
    for number in range(2000):
        await channel.send_broadcast("e", {"number": number})
    assert len(channel._push_buffer) == 2000, "without bound"
    for push in channel._push_buffer:
        push.destroy()
    await theirs.client.close()
    await world.realtime.start()

    client, ours = await world.live()
    await world.realtime.kill()
    await eventually(lambda: client.state.reconnect_attempts >= 2)
    world.realtime.heard.clear()
    await world.realtime.start()
    await client.wait_until_live(5)
    await world.publish()
    await eventually(lambda: seqs(ours) == [1])
    assert [event for _, event in world.realtime.heard] == ["phx_join"]
    assert world.realtime.tokens[-1] == f"jwt-{world.cms.token_requests}", "the newest"


async def test_11_what_was_sent_while_away_is_lost(world: World, stock: type[Stock]) -> None:
    theirs = await stock(world).subscribe()
    client, ours = await world.live()
    await world.realtime.close_sockets(1012)
    world.cms.record()
    await eventually(lambda: theirs.states == [JOINED, "CHANNEL_ERROR", JOINED])
    await client.wait_until_live(5)
    await world.publish()
    await eventually(lambda: seqs(ours) == [1, 2])
    assert theirs.seqs == [2]


async def test_12_everybody_reconnects_at_once(world: World, stock: type[Stock]) -> None:
    timing = Timing(backoff_initial=3.0, join=5.0, close=0.5)
    number = 10
    for _ in range(number):
        await stock(world).subscribe()
        await world.live(shared=False, timing=timing)
    world.realtime.joins.clear()
    world.realtime.tokens.clear()
    await world.realtime.close_sockets(1012)
    await eventually(lambda: len(world.realtime.joins) == 2 * number)
    joins = list(zip(world.realtime.joins, world.realtime.tokens, strict=True))
    theirs = [at for at, token in joins if token == "key"]
    ours = [at for at, token in joins if token != "key"]
    assert len(theirs) == number
    assert max(ours) - min(ours) > 1.0, "full jitter over the first three seconds"
    assert max(theirs) - min(theirs) < max(ours) - min(ours)


async def test_13_client_that_cannot_be_closed(world: World, stock: type[Stock]) -> None:
    theirs = await acreate_client(world.realtime.url, "key")
    realtime = theirs.realtime
    options: Any = {"config": {"private": False}}
    await theirs.channel("t", options).subscribe()
    assert not hasattr(theirs, "close")
    assert not hasattr(theirs, "aclose")
    del theirs
    gc.collect()
    assert len(world.realtime.joined) == 1, "it goes on without its owner"
    await realtime.close()
    await eventually(lambda: world.realtime.joined == [])

    before = asyncio.all_tasks()
    client, _ = await world.live()
    assert len(world.realtime.joined) == 1
    await client.disconnect()
    await eventually(lambda: world.realtime.joined == [])
    await eventually(lambda: not _of_ours(asyncio.all_tasks() - before))


def _of_ours(tasks: set[asyncio.Task[Any]]) -> list[asyncio.Task[Any]]:
    """Those of the client, not of the servers it speaks to."""
    return [task for task in tasks if "/client/" in repr(task.get_coro())]


@pytest.fixture
async def proxy() -> AsyncIterator[ConnectProxy]:
    proxy = ConnectProxy()
    await proxy.start()
    yield proxy
    await proxy.stop()


async def test_14_dead_proxy_of_the_environment(
    world: World, stock: type[Stock], proxy: ConnectProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ws_proxy", f"http://127.0.0.1:{proxy.port}")
    proxy.refuse()
    theirs = stock(world, max_retries=2, initial_backoff=0.01)
    with pytest.raises((OSError, InvalidProxyMessage)):
        await theirs.client.connect()
    client = world.client()
    ours: list[LiveUpdate] = []
    client.on_update(ours.append)
    await client.connect()
    await world.publish()
    await eventually(lambda: seqs(ours) == [1])
    await eventually(lambda: "HTTPS_PROXY" in (client.state.error or ""))
    proxy.heal()
    await client.wait_until_live(5)
    await world.publish()
    await eventually(lambda: seqs(ours) == [1, 2])
    assert not theirs.client.is_connected
    await client.disconnect()
