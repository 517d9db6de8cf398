"""Each weakness of the official client (protocol sheet 8.1): shown there, and absent here.

Rows that cannot reach us: 9 and 10 (bindings are made before the join and nothing is pushed),
13 (`AsyncClient` is not used), 14 (proxies of the environment are honoured as they are).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
from realtime import AsyncRealtimeClient, RealtimeSubscribeStates

from spool_live.client import LiveUpdate, Timing
from tests.client.conftest import World, eventually

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
    await eventually(theirs.client._listen_task.done)
    theirs.explode = False
    await world.publish()
    await eventually(lambda: seqs(ours) == [1, 2])
    assert theirs.client.is_connected
    assert theirs.states == [JOINED], "no sign of it"
    assert theirs.seqs == []
    assert isinstance(theirs.client._listen_task.exception(), RuntimeError)


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
    await eventually(theirs.client._listen_task.done)
    await eventually(lambda: client.state.reconnect_attempts >= 3)
    await world.realtime.start()
    await client.wait_until_live(5)
    await world.publish()
    await eventually(lambda: seqs(ours) == [1])
    assert theirs.states == [JOINED, "CHANNEL_ERROR"]
    assert theirs.seqs == []
    assert theirs.client._listen_task.exception() is not None


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
    """Ours takes the content out of that message: test_connection.py."""
    logger = logging.getLogger("realtime._async.client")
    filters, logger.filters = logger.filters, []
    try:
        await stock(world).subscribe()
        await world.realtime.raw('{"event":"broadcast","payload":"private content","ref":1}')
        await eventually(lambda: "private content" in caplog.text)
    finally:
        logger.filters = filters


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
    timing = Timing(backoff_initial=1.0, join=2.0, close=0.5)
    number = 15
    for _ in range(number):
        await stock(world).subscribe()
        await world.live(shared=False, timing=timing)
    world.realtime.joins.clear()
    began = asyncio.get_running_loop().time()
    await world.realtime.close_sockets(1012)
    await eventually(lambda: len(world.realtime.joins) == 2 * number)
    after = [join - began for join in world.realtime.joins]
    assert sum(moment < 0.3 for moment in after[:number]) == number, "the stock clients"
    spread = max(after) - min(after)
    assert spread > 0.5, "full jitter over the first second"
