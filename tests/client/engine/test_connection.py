"""``RealtimeConnection``: the official client's callbacks only enqueue, and its end is noticed."""

from __future__ import annotations

import asyncio
import logging
import time

import pytest

from spool_live.client.engine import connection as connection_module
from spool_live.client.engine.api import ContentApi
from spool_live.client.engine.connection import (
    Doorbell,
    Lost,
    Ready,
    RealtimeConnection,
    Reauthenticate,
)
from spool_live.client.engine.tokens import RealtimeToken
from spool_live.client.exceptions import (
    RateLimitedError,
    RealtimeUnavailableError,
    SubscriptionRefusedError,
)
from spool_live.client.policy import Timing
from tests.client.conftest import FAST, World
from tests.waiting import eventually


async def token_of(world: World) -> RealtimeToken:
    api = ContentApi(world.config())
    try:
        return await api.token()
    finally:
        await api.aclose()


async def lost(connection: RealtimeConnection) -> Exception:
    async with asyncio.timeout(5):
        while True:
            event = await connection.events.get()
            if isinstance(event, Lost):
                return event.error


async def test_listener_that_dies_alone_is_noticed(world: World) -> None:
    """The socket is open and heartbeats go on; only the listening task has ended."""
    async with RealtimeConnection(await token_of(world), FAST) as connection:
        listener = connection._client._listen_task
        assert listener is not None
        listener.cancel()
        assert "closed" in str(await lost(connection))


async def test_listener_that_dies_of_an_exception_is_named(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with RealtimeConnection(await token_of(world), FAST) as connection:
        [channel] = connection._client.get_channels()

        def explode(message: object) -> None:
            raise LookupError("a fault in the library")

        monkeypatch.setattr(channel, "_handle_message", explode)
        await world.publish()
        assert "LookupError" in str(await lost(connection))


@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, RealtimeUnavailableError), (429, RateLimitedError), (500, RealtimeUnavailableError)],
)
async def test_refused_handshake_raises(world: World, status: int, kind: type[Exception]) -> None:
    world.realtime.refuse_handshake = (status, "no")
    with pytest.raises(kind):
        async with RealtimeConnection(await token_of(world), FAST):
            pass


async def test_listener_that_dies_during_the_join_does_not_make_us_wait(world: World) -> None:
    world.realtime.answers_joins = False
    opening = asyncio.ensure_future(
        RealtimeConnection(await token_of(world), Timing()).__aenter__()
    )
    await eventually(lambda: world.realtime.joins)
    await world.realtime.kill()
    with pytest.raises(RealtimeUnavailableError):
        async with asyncio.timeout(2):
            await opening


async def test_refused_join_raises(world: World) -> None:
    world.realtime.refuse_join = "Unauthorized: no"
    with pytest.raises(SubscriptionRefusedError, match="Unauthorized: no"):
        async with RealtimeConnection(await token_of(world), FAST):
            pass


async def test_nobody_there_raises(world: World) -> None:
    await world.realtime.stop()
    with pytest.raises(RealtimeUnavailableError, match="polling"):
        async with RealtimeConnection(await token_of(world), FAST):
            pass


async def test_full_queue_keeps_everything_but_updates_and_those_become_a_doorbell(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No task takes events during a burst: the log has the updates, and ``Lost`` is kept."""
    monkeypatch.setattr(connection_module, "MAX_EVENTS", 5)
    async with RealtimeConnection(await token_of(world), FAST) as connection:
        listener = connection._client._listen_task
        assert listener is not None
        await world.realtime.broadcast(world.cms.topic, "reauthenticate", {})
        for _ in range(20):
            await world.publish()
        await world.realtime.close_sockets(1012)
        await asyncio.wait([listener], timeout=5)
        assert listener.exception() is None, "nothing of ours raised in the library's task"
        waiting = [connection.events.get_nowait() for _ in range(connection.events.qsize())]
    kinds = [type(event) for event in waiting]
    assert kinds.count(Ready) == kinds.count(Reauthenticate) == 1
    assert Doorbell in kinds
    assert kinds[-1] is Lost


async def test_close_leaves_no_task_behind(world: World) -> None:
    token = await token_of(world)
    before = asyncio.all_tasks()
    async with RealtimeConnection(token, FAST) as connection:
        await connection.set_auth(token)
    await eventually(lambda: not world.realtime.joined)
    await eventually(lambda: not [t for t in asyncio.all_tasks() - before if "conn" in repr(t)])
    left = asyncio.all_tasks() - before - {asyncio.current_task()}
    assert [task for task in left if "realtime/_async" in repr(task.get_coro())] == []


async def test_close_of_a_socket_that_does_not_answer_takes_no_longer_than_allowed(
    world: World,
) -> None:
    async with RealtimeConnection(await token_of(world), Timing(close=0.1)):
        [channel] = world.realtime.joined
        channel.socket.transport.pause_reading()
        started = time.monotonic()
    assert time.monotonic() - started < 1
    channel.socket.transport.abort()


async def test_frame_the_library_cannot_read_does_not_show_up_in_the_logs(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """A list as payload, or the Error 401 of a role without grant."""
    async with RealtimeConnection(await token_of(world), FAST) as connection:
        with caplog.at_level(logging.ERROR):
            await world.realtime.raw('{"event":"broadcast","payload":"private content","ref":1}')
            await world.realtime.close_sockets(1012)
            await lost(connection)
    assert "cannot read" in caplog.text
    assert "private content" not in caplog.text
