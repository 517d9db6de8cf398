"""One connection per site, process and loop."""

from __future__ import annotations

import asyncio

from spool_live.client import LiveUpdate, Phase
from tests.client.cms import KEY
from tests.client.conftest import World
from tests.waiting import eventually


async def test_clients_of_a_site_share_one_socket_and_one_token(world: World) -> None:
    handlers = [(await world.live())[1] for _ in range(5)]
    assert len(world.realtime.joined) == 1
    assert world.cms.token_requests == 1
    await world.publish(2)
    await eventually(lambda: all(len(seen) == 2 for seen in handlers))


async def test_last_one_out_closes_the_socket(world: World) -> None:
    first, _ = await world.live()
    second, seen = await world.live()
    await first.disconnect()
    await world.publish()
    await eventually(lambda: seen)
    await second.disconnect()
    await eventually(lambda: not world.realtime.joined)


async def test_another_key_of_the_site_has_a_socket_of_its_own(world: World) -> None:
    """Keys are revoked one by one: a revoked key must not get updates by the socket of another."""
    world.cms.keys.add("sk_other.secret")
    first, _ = await world.live()
    _, seen = await world.live(api_key="sk_other.secret")
    assert len(world.realtime.joined) == 2
    world.cms.keys.discard(KEY)
    await world.realtime.broadcast(world.cms.topic, "reauthenticate", {})
    await eventually(lambda: first.state.phase is Phase.REVOKED)
    await world.publish()
    await eventually(lambda: seen)


async def test_later_client_gets_what_is_new_since_it_connected(world: World) -> None:
    _, early = await world.live()
    await world.publish(2)
    await eventually(lambda: len(early) == 2)
    client = world.client()
    await client.connect()
    await world.publish(1)
    await eventually(lambda: len(early) == 3)
    assert [(await anext(aiter(client))).seq] == [3]


async def test_client_that_wants_its_own_connection_gets_it(world: World) -> None:
    await world.live()
    await world.live(shared=False)
    assert len(world.realtime.joined) == 2


async def test_connection_that_ended_is_not_given_out_again(world: World) -> None:
    first, _ = await world.live()
    world.cms.keys.clear()
    await world.realtime.broadcast(world.cms.topic, "reauthenticate", {})
    await eventually(lambda: first.state.error)
    await eventually(lambda: "SPOOL_API_KEY" in (first.state.error or ""))
    world.cms.keys.add("sk_test.secret")
    _, seen = await world.live()
    await world.publish()
    await eventually(lambda: seen)


async def test_stopped_handler_holds_up_nobody_and_misses_nothing(world: World) -> None:
    gate = asyncio.Event()
    stuck: list[int | None] = []
    slow = world.client(queue_size=5)

    @slow.on_update
    async def wait(update: LiveUpdate) -> None:
        await gate.wait()
        stuck.append(update.seq)

    await slow.connect()
    _, fine = await world.live()
    for _ in range(10):
        await world.publish(5)
    await eventually(lambda: len(fine) == 50)
    assert stuck == []
    gate.set()
    await eventually(lambda: stuck == list(range(1, 51)))
