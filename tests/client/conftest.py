"""A site to subscribe to: a CMS and a Realtime server on real sockets, and clients for it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from spool_live.client import LiveUpdate, LiveUpdatesClient, LiveUpdatesConfig, Timing
from tests.client.cms import KEY, Cms, running_cms
from tests.client.realtime_server import RealtimeServer, running_realtime

FAST = Timing(
    backoff_initial=0.02,
    backoff_maximum=0.2,
    stable_after=0.05,
    request=2.0,
    join=2.0,
    ready_broadcast=0.1,
    ready_postgres_changes=1.0,
    close=0.5,
    epoch_jitter=0.02,
    catch_up_interval=0.3,
    catch_up_confirm=0.02,
    poll_initial=0.05,
    poll_maximum=0.2,
    suspicion=0.1,
    patience_maximum=1.0,
    born_expired=0.05,
    refused_maximum=0.2,
    tick=0.02,
)


LIBRARY_WARNINGS = ("ignore:ConnectionClosed.(code|reason) is deprecated:DeprecationWarning",)
"""What the official client does with websockets; as errors they would end its listening task."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            for warning in LIBRARY_WARNINGS:
                item.add_marker(pytest.mark.filterwarnings(warning))


@dataclass
class World:
    """The site, and its subscribers."""

    cms: Cms
    realtime: RealtimeServer
    clients: list[LiveUpdatesClient] = field(default_factory=list)

    def config(self, **options: Any) -> LiveUpdatesConfig:
        values = {"site_id": self.cms.site_id, "api_key": KEY, "api_url": self.cms.url}
        return LiveUpdatesConfig(**({"timing": FAST} | values | options))

    def client(self, **options: Any) -> LiveUpdatesClient:
        client = LiveUpdatesClient(self.config(**options))
        self.clients.append(client)
        return client

    async def live(self, **options: Any) -> tuple[LiveUpdatesClient, list[LiveUpdate]]:
        """Return a live client, and the list that its handler fills."""
        client = self.client(**options)
        seen: list[LiveUpdate] = []
        client.on_update(seen.append)
        await client.connect()
        await client.wait_until_live(5)
        return client, seen

    async def publish(self, number: int = 1, **fields: Any) -> list[dict[str, Any]]:
        """Record updates and broadcast them, as the database does."""
        updates = [self.cms.record(**fields) for _ in range(number)]
        await self.send(updates)
        return updates

    async def send(self, updates: list[dict[str, Any]]) -> None:
        if self.cms.mode == "broadcast":
            payload = {"epoch": self.cms.epoch, "changes": updates}
            await self.realtime.broadcast(self.cms.topic, "live_updates", payload)
        else:
            for update in updates:
                await self.realtime.change("live_updates", update)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with running_realtime() as realtime, running_cms(Cms(realtime.url)) as cms:
        world = World(cms, realtime)
        try:
            yield world
        finally:
            for client in world.clients:
                await client.disconnect()


@pytest.fixture
def fast() -> Callable[..., Timing]:
    """Return the timing of the tests, with some values changed."""
    return lambda **changes: replace(FAST, **changes)
