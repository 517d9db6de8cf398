"""The limits of the hosted service, over real sockets; recordings 10a to 10d."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any, Protocol

import httpx
import pytest
import websockets

from spool_live.local.config import Limits, LocalSupabaseConfig
from tests.local.realtime.serving import Serving, serve
from tests.local.realtime.sql import Sql
from tests.local.realtime.wire import binding, connect, mint

LOOK = 0.3
TOO_MANY_MESSAGES = "Too many messages per second"
TOO_MANY_JOINS = "ClientJoinRateLimitReached: Too many joins per second"


class Limited(Protocol):
    def __call__(self, **limits: Any) -> AbstractContextManager[Serving]: ...


@pytest.fixture
def limited(recorded_schema: None, local_config: LocalSupabaseConfig) -> Limited:
    """A server with these limits, that looks at them often."""

    @contextmanager
    def make(**limits: Any) -> Iterator[Serving]:
        with serve(replace(local_config, limits=Limits(**limits, judged_every=LOOK))) as serving:
            yield serving

    return make


async def refusal(serving: Serving) -> tuple[int, str]:
    """How the next socket is refused."""
    with pytest.raises(websockets.InvalidStatus) as caught:
        async with connect(serving):
            pass
    return caught.value.response.status_code, caught.value.response.body.decode()


async def let_in(serving: Serving) -> bool:
    try:
        async with connect(serving):
            return True
    except websockets.InvalidStatus:
        return False


async def once(condition: Callable[[], Awaitable[bool]]) -> None:
    """Return when it holds."""
    async with asyncio.timeout(10):
        while not await condition():  # noqa: ASYNC110  it is about another thread
            await asyncio.sleep(0.02)


async def lost_in(send: Callable[[int], object], receive: Callable[[], Awaitable[int]]) -> set[int]:
    """Send one number after the other until some were lost and others came again: which were."""
    came: list[int] = []
    sent = 0

    async def collect() -> None:
        while sent == 0 or not (set(range(1, max(came, default=0))) - set(came)):
            came.append(await receive())

    collecting = asyncio.create_task(collect())
    async with asyncio.timeout(10):
        while not collecting.done():
            sent += 1
            await asyncio.to_thread(send, sent)
    assert came == sorted(came)
    return set(range(1, max(came))) - set(came)


async def test_one_connection_too_many_is_refused_until_another_leaves(limited: Limited) -> None:
    with limited(connections=1) as serving:
        async with connect(serving):
            assert await refusal(serving) == (429, '{"error":"Too many connected users"}')
        await once(lambda: let_in(serving))


async def test_burst_of_joins_passes_then_joins_fail_and_close_their_socket(
    limited: Limited,
) -> None:
    async def shut_out() -> bool:
        return not await let_in(serving)

    with limited(joins_per_second=30) as serving:
        async with connect(serving) as wire:
            for number in range(30):
                assert (await wire.join(f"t{number}"))["status"] == "ok"
            await once(shut_out)
            assert await refusal(serving) == (429, '{"error":"Too many joins per second"}')
            refused = await wire.join("one more")
            assert refused == {"status": "error", "response": {"reason": TOO_MANY_JOINS}}
            assert await wire.closed() == 1000
        await once(lambda: let_in(serving))
        async with connect(serving) as wire:
            assert (await wire.join("t"))["status"] == "ok"


async def test_broadcasts_of_the_database_are_lost_silently(limited: Limited, sql: Sql) -> None:
    send = "select realtime.send(jsonb_build_object('n', n), 'e', 'site:a', true) from "
    with limited(messages_per_second=300) as serving:
        async with connect(serving) as wire:
            await wire.join("site:a", mint(serving, sites=["a"]), private=True)
            sql(f"{send} generate_series(1, 150) n")
            for n in range(1, 151):
                assert (await wire.expect("broadcast"))["payload"]["payload"]["n"] == n

            async def receive() -> int:
                return int((await wire.expect("broadcast"))["payload"]["payload"]["n"])

            assert await lost_in(lambda n: sql(f"{send} (values ({n})) x (n)"), receive)


async def test_changes_are_lost_silently(limited: Limited, sql: Sql) -> None:
    insert = "insert into live_updates (site_id, kind) select 'limits', n from "
    with limited(messages_per_second=300) as serving:
        async with connect(serving) as wire:
            token = mint(serving, sites=["limits"])
            await wire.subscribe("t", token, binding("live_updates", filter="site_id=eq.limits"))
            sql(f"{insert} generate_series(1, 300) n")
            for n in range(1, 301):
                assert (await wire.change())["record"]["kind"] == str(n)

            async def receive() -> int:
                return int((await wire.change())["record"]["kind"])

            assert await lost_in(lambda n: sql(f"{insert} (values ({n})) x (n)"), receive)


async def test_broadcasts_of_clients_end_the_channels_that_they_reach(limited: Limited) -> None:
    with limited(messages_per_second=20) as serving:
        messages = {"messages": [{"topic": "elsewhere", "event": "e", "payload": {}}]}
        api = f"{serving.http_url}/api/broadcast"
        headers = {"apikey": serving.config.publishable_key}
        async with (
            connect(serving) as sender,
            connect(serving) as listener,
            httpx.AsyncClient(headers=headers) as http,
        ):

            async def refused() -> bool:
                return (await http.post(api, json=messages)).status_code == 429

            await sender.join("t")
            await listener.join("t")
            await once(refused)
            answer = await http.post(f"{api}/elsewhere/events/e", json={})
            assert (answer.status_code, answer.json()) == (429, {"message": TOO_MANY_MESSAGES})
            message = {"type": "broadcast", "event": "e", "payload": {}}
            await sender.send("broadcast", message, "realtime:t")
            await listener.expect("broadcast")
            system = (await listener.expect("system"))["payload"]
            assert (system["status"], system["message"]) == ("error", TOO_MANY_MESSAGES)
            await listener.expect("phx_close")
            await listener.quiet()
            await sender.quiet()
