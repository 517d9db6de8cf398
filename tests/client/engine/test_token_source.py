"""Tokens are fetched one at a time, and renewed in time, independently of wall clocks."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from spool_live.client.engine.token_source import TokenSource
from spool_live.client.engine.tokens import BroadcastChannel, RealtimeToken
from spool_live.client.exceptions import RateLimitedError, ServerUnreachableError
from spool_live.client.policy import Timing

TOKEN = RealtimeToken(
    jwt="jwt",
    site_id="s",
    epoch=1,
    seq=0,
    supabase_url="http://x",
    supabase_key="key",
    channel=BroadcastChannel("site:s:1", True, "live_updates"),
    lifetime=600,
    received_at=0,
)


class Api:
    """An API that returns tokens, or raises the given errors."""

    def __init__(self, clock: list[float]) -> None:
        self.clock = clock
        self.raises: Exception | None = None
        self.busy = 0
        self.asked = 0

    async def token(self) -> RealtimeToken:
        self.busy += 1
        assert self.busy == 1, "one at a time"
        self.asked += 1
        await asyncio.sleep(0)
        self.busy -= 1
        if self.raises:
            raise self.raises
        return replace(TOKEN, received_at=self.clock[0])


@pytest.fixture
def clock() -> list[float]:
    return [1000.0]


@pytest.fixture
def api(clock: list[float]) -> Api:
    return Api(clock)


@pytest.fixture
def tokens(api: Api, clock: list[float]) -> TokenSource:
    return TokenSource(api, Timing(), now=lambda: clock[0], rand=lambda: 0.5)  # type: ignore[arg-type]


async def is_due(tokens: TokenSource) -> bool:
    try:
        async with asyncio.timeout(0.01):
            await tokens.due()
    except TimeoutError:
        return False
    return True


async def test_next_is_due_at_three_quarters_of_the_life(
    tokens: TokenSource, clock: list[float]
) -> None:
    await tokens.fetch()
    clock[0] += 449
    assert not await is_due(tokens)
    clock[0] += 1
    assert await is_due(tokens)


async def test_request_makes_it_due_within_the_jitter(
    tokens: TokenSource, clock: list[float]
) -> None:
    await tokens.fetch()
    tokens.request(within=2.0)
    clock[0] += 0.9
    assert not await is_due(tokens)
    clock[0] += 0.1
    assert await is_due(tokens)


async def test_request_wakes_whoever_waits(tokens: TokenSource) -> None:
    await tokens.fetch()
    waiting = asyncio.ensure_future(tokens.due())
    await asyncio.sleep(0)
    tokens.request()
    async with asyncio.timeout(1):
        await waiting


async def test_failure_is_tried_again_after_the_back_off(
    tokens: TokenSource, api: Api, clock: list[float]
) -> None:
    await tokens.fetch()
    api.raises = RateLimitedError("slow down", retry_after=40)
    with pytest.raises(RateLimitedError):
        await tokens.fetch()
    clock[0] += 41
    assert not await is_due(tokens)
    clock[0] += 1
    assert await is_due(tokens), "40 seconds and a twentieth"


async def test_many_asking_at_once_queue_up(tokens: TokenSource, api: Api) -> None:
    await asyncio.gather(*(tokens.fetch() for _ in range(5)))
    assert api.asked == 5


async def test_living_token_serves_while_the_cms_is_away(
    tokens: TokenSource, api: Api, clock: list[float]
) -> None:
    first = await tokens.for_join()
    api.raises = ServerUnreachableError("away")
    clock[0] += 599
    assert await tokens.for_join() is first
    clock[0] += 1
    with pytest.raises(ServerUnreachableError):
        await tokens.for_join()


async def test_token_refused_before_its_time_shortens_the_life_of_the_next(
    tokens: TokenSource, clock: list[float]
) -> None:
    await tokens.fetch()
    clock[0] += 100
    assert tokens.refused_as_expired()
    assert tokens.current is None
    await tokens.fetch()
    clock[0] += 74
    assert not await is_due(tokens)
    clock[0] += 1
    assert await is_due(tokens)


async def test_token_refused_at_once_is_a_matter_of_clocks(tokens: TokenSource) -> None:
    await tokens.fetch()
    assert not tokens.refused_as_expired()


async def test_token_refused_at_its_end_changes_nothing(
    tokens: TokenSource, clock: list[float]
) -> None:
    await tokens.fetch()
    clock[0] += 600
    assert tokens.refused_as_expired()
    await tokens.fetch()
    clock[0] += 449
    assert not await is_due(tokens)
