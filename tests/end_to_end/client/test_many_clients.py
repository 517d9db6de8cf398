"""A crowd of clients of ten sites in one process, and what it does when Realtime restarts.

Two hundred of them belong to the suite; a thousand, as in the long form of the chaos, are run by::

    SPOOL_LIVE_CHAOS=long python -m pytest tests/end_to_end/client/test_many_clients.py -s
"""

from __future__ import annotations

import asyncio
import resource
import time
from collections import Counter

import pytest
from django.conf import LazySettings

from spool_live.client import ConnectionState, LiveUpdatesClient, LiveUpdatesConfig, Phase, Timing
from spool_live.client.sync import BackgroundLoop
from tests.end_to_end.client.chaos import LONG
from tests.end_to_end.client.conftest import MakeChaos, make_site

SITES, EACH = 10, 100 if LONG else 8
CLIENTS = SITES * EACH
FILES = 4 * CLIENTS
ALL_AT_ONCE = 100  # connect so many at a time
TIMING = Timing(join=20.0, request=20.0, ready_broadcast=20.0)


class Crowd:
    """All the clients, in the background loop."""

    def __init__(self) -> None:
        self.loop = BackgroundLoop.of_this_process()
        self.clients: list[LiveUpdatesClient] = []
        self.seqs: list[list[int | None]] = []
        self.first_attempts: dict[int, float] = {}
        self._gate = asyncio.Semaphore(ALL_AT_ONCE)

    async def add(self, config: LiveUpdatesConfig) -> None:
        client, seen = LiveUpdatesClient(config), []
        client.on_update(lambda update: seen.append(update.seq))
        number = len(self.clients)
        client.on_state(lambda state: self._on_state(number, state))
        self.clients.append(client)
        self.seqs.append(seen)
        async with self._gate:
            await client.connect()
            await client.wait_until_live(60)

    def _on_state(self, number: int, state: ConnectionState) -> None:
        if state.phase is Phase.CONNECTING and state.reconnect_attempts == 1:
            self.first_attempts.setdefault(number, time.monotonic())

    async def connect(self, configs: list[LiveUpdatesConfig]) -> None:
        async with asyncio.TaskGroup() as group:
            for config in configs:
                group.create_task(self.add(config))

    async def live_again(self, within: float) -> None:
        async with asyncio.timeout(within):
            await asyncio.gather(*(client.wait_until_live() for client in self.clients))

    async def leave(self) -> None:
        await asyncio.gather(*(client.disconnect() for client in self.clients))

    async def have(self, expected: list[int], within: float) -> None:
        async with asyncio.timeout(within):
            while any(seen != expected for seen in self.seqs):  # noqa: ASYNC110  # lists, no event
                await asyncio.sleep(0.05)


@pytest.fixture
def many_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < FILES <= hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, hard))


@pytest.mark.timeout(600 if LONG else 300)
def test_crowd_is_live_misses_nothing_and_does_not_come_back_at_once(
    chaos: MakeChaos, asgi_cms: str, settings: LazySettings, many_files: None
) -> None:
    world = chaos(proxied=False, killed=True)
    settings.SPOOL_LIVE = {**settings.SPOOL_LIVE, "ADDRESS_RATE": "100000/min"}
    sites = [(world.site, world.key), *(make_site(f"site {n}") for n in range(1, SITES))]
    configs = [
        LiveUpdatesConfig(
            site_id=str(site.pk),
            api_key=key,
            api_url=asgi_cms,
            shared=False,
            timing=TIMING,
        )
        for site, key in sites
        for _ in range(EACH)
    ]
    crowd = Crowd()
    began = time.monotonic()
    try:
        world.run(crowd.connect(configs))
        live_after = time.monotonic() - began
        for site, _ in sites:
            world.site = site
            world.record(3)
        world.deliver()
        world.run(crowd.have([1, 2, 3], 90))
        killed = time.monotonic()
        world.gateway.kill()
        for site, _ in sites:
            world.site = site
            world.record(2)
        world.gateway.start()
        world.deliver_all(90)
        world.run(crowd.live_again(150))
        world.run(crowd.have([1, 2, 3, 4, 5], 90))
        again_after = time.monotonic() - killed
    finally:
        world.run(crowd.leave())
    moments = Counter(int((at - killed) * 10) for at in crowd.first_attempts.values())
    print(  # noqa: T201  # for the report
        f"\n{CLIENTS} clients live after {live_after:.0f} s, and again {again_after:.0f} s after "
        f"the kill; first attempts per tenth of a second: {sorted(moments.items())}"
    )
    assert len(crowd.first_attempts) == CLIENTS
    assert max(moments.values()) < CLIENTS * 0.4, "full jitter over a second"
