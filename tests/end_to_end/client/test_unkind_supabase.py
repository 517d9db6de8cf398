"""What the hosted service does on bad days, over real sockets: silence and limits."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import websockets

from spool_live.client import ConnectionState, Phase
from spool_live.client.engine import refusals
from spool_live.local.config import Limits
from spool_live.local.instance import LocalDatabase
from spool_live.local.processes import wait_until
from spool_live.local.realtime.options import RealtimeOptions
from tests.end_to_end.client.chaos import Chaos
from tests.end_to_end.client.conftest import MakeChaos

WAIT = 20.0


@pytest.fixture
def short_penalty(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client waits half a second after a limit, and not thirty."""
    monkeypatch.setattr(refusals, "RETRY_AFTER", 0.5)


def publish(world: Chaos) -> None:
    world.record(1)
    world.deliver_all(WAIT)


@pytest.mark.parametrize("mode", ["broadcast", "postgres_changes"])
def test_probe_and_fresh_token_wake_a_channel_that_died_with_its_database(
    chaos: MakeChaos, suite_database: LocalDatabase, mode: str
) -> None:
    world = chaos(mode=mode, sleeps_after_restart=True, options=RealtimeOptions(long_absence=0.0))
    client, seen = world.client()
    with client:
        client.wait_until_live(WAIT)
        publish(world)
        wait_until(lambda: seen.seqs == [1], WAIT, lambda: seen.seqs)
        states: list[ConnectionState] = []
        client.on_state(states.append)
        heard = world.frames.forwarded
        world.restart(suite_database)
        publish(world)
        wait_until(lambda: seen.seqs == [1, 2], WAIT, lambda: (seen.seqs, client.state))
        assert world.frames.forwarded == heard, "by the log, for the socket is dead"

        def woken() -> bool:
            publish(world)
            return world.frames.forwarded > heard

        wait_until(woken, WAIT, lambda: client.state)
        expected = list(range(1, world.recorded + 1))
        wait_until(lambda: seen.seqs == expected, WAIT, lambda: (seen.seqs, client.state))
        phases = {state.phase for state in states}
        assert phases <= {Phase.LIVE, Phase.DELAYED}, "on the same socket"


def test_channel_that_is_shut_by_the_message_limit_comes_back(
    chaos: MakeChaos, short_penalty: None
) -> None:
    world = chaos(limits=Limits(messages_per_second=200, judged_every=0.5))
    client, seen = world.client()
    with client:
        client.wait_until_live(WAIT)
        errors: list[str | None] = []
        client.on_state(lambda state: errors.append(state.error))
        world.run(_make_noise(world, lambda: any(map(_tells_of_the_limit, errors))))
        publish(world)
        wait_until(lambda: seen.seqs == [1], WAIT, lambda: (seen.seqs, client.state))
        client.wait_until_live(WAIT)
        heard = world.frames.forwarded

        def by_the_socket() -> bool:
            publish(world)
            return world.frames.forwarded > heard

        wait_until(by_the_socket, WAIT, lambda: client.state)
        expected = list(range(1, world.recorded + 1))
        wait_until(lambda: seen.seqs == expected, WAIT, lambda: (seen.seqs, client.state))


def test_what_is_beyond_the_message_limit_comes_by_the_log(chaos: MakeChaos) -> None:
    world = chaos(limits=Limits(messages_per_second=5, judged_every=0.5))
    client, seen = world.client()
    with client:
        client.wait_until_live(WAIT)

        def some_lost() -> bool:
            publish(world)
            return world.frames.forwarded < world.recorded - 5

        wait_until(some_lost, WAIT, lambda: client.state)
        expected = list(range(1, world.recorded + 1))
        wait_until(lambda: seen.seqs == expected, WAIT, lambda: (seen.seqs, client.state))


def test_join_limit_is_waited_for_while_updates_come_by_polling(
    chaos: MakeChaos, short_penalty: None
) -> None:
    world = chaos(proxied=False, limits=Limits(joins_per_second=40, judged_every=0.5))
    world.run(_join_until_refused(world))
    client, seen = world.client(start=0)
    errors: list[str | None] = []
    client.on_state(lambda state: errors.append(state.error))
    with client:
        publish(world)
        wait_until(lambda: seen.seqs == [1], WAIT, lambda: (seen.seqs, client.state))
        client.wait_until_live(WAIT)
        assert any("Too many joins per second" in (error or "") for error in errors), errors


def _tells_of_the_limit(error: str | None) -> bool:
    return "Too many messages per second" in (error or "")


async def _make_noise(world: Chaos, enough: Callable[[], bool]) -> None:
    """A server broadcasts on the site's topic as fast as it can."""
    headers = {"Authorization": f"Api-Key {world.key}"}
    async with httpx.AsyncClient(headers=headers) as http:
        token = (await http.post(f"{world.cms.url}token/")).json()
    topic = f"realtime:{token['realtime']['broadcast']['topic']}"
    message = {"type": "broadcast", "event": "noise", "payload": {}}
    async with asyncio.timeout(WAIT), _socket(world) as socket:
        await socket.send(_frame("phx_join", topic, {"config": {"private": True}}))
        while not enough():
            await socket.send(_frame("broadcast", topic, message))
            await asyncio.sleep(0.005)  # this is its pace


async def _join_until_refused(world: Chaos) -> None:
    """A crowd joins until the server has enough of it."""
    async with asyncio.timeout(WAIT), _socket(world) as socket:
        while True:
            await socket.send(_frame("phx_join", "realtime:crowd", {"config": {}}))
            async for text in socket:
                frame = json.loads(text)
                if frame["event"] == "phx_reply":
                    break
            if frame["payload"]["status"] == "error":
                assert "ClientJoinRateLimitReached" in frame["payload"]["response"]["reason"]
                await socket.wait_closed()
                assert socket.close_code == 1000
                return


@asynccontextmanager
async def _socket(world: Chaos) -> AsyncIterator[websockets.ClientConnection]:
    config = world.gateway.config
    address = f"ws://{config.host}:{config.port}/realtime/v1/websocket?apikey={config.secret_key}"
    async with websockets.connect(address) as socket:
        yield socket


def _frame(event: str, topic: str, payload: Any) -> str:
    return json.dumps({"event": event, "topic": topic, "payload": payload, "ref": "1"})
