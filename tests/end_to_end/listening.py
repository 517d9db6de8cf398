"""The official PyPI client on a thread of its own, as a front end would use it."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from realtime import AsyncRealtimeChannel, RealtimeSubscribeStates
from supabase import AsyncClient, acreate_client

WAIT = 15.0
"""Seconds to wait for what must come."""


class Listener:
    """Collects what one channel of the official client receives."""

    def __init__(self) -> None:
        self.updates: queue.Queue[dict[str, Any]] = queue.Queue()
        self.states: queue.Queue[tuple[str, str]] = queue.Queue()
        self.systems: queue.Queue[dict[str, Any]] = queue.Queue()

    def on_broadcast(self, message: dict[str, Any]) -> None:
        for update in message["payload"]["changes"]:
            self.updates.put(update)

    def on_row(self, message: dict[str, Any]) -> None:
        self.updates.put(message["data"]["record"])

    def on_state(self, state: RealtimeSubscribeStates, error: Exception | None) -> None:
        self.states.put((state.value, str(error or "")))

    def next_update(self) -> dict[str, Any]:
        """The next update; raises ``queue.Empty`` when none comes in time."""
        return self.updates.get(timeout=WAIT)

    def until_state(self, wanted: str) -> str:
        """Waits for a state of the channel, and says what came with it."""
        while True:
            state, detail = self.states.get(timeout=WAIT)
            if state == wanted:
                return detail

    def until_system(self, text: str) -> None:
        """Waits for a system message of Realtime that contains ``text``."""
        while text not in self.systems.get(timeout=WAIT).get("message", ""):
            pass


Join = Callable[[AsyncClient, Listener], AsyncRealtimeChannel]


@contextmanager
def listening(url: str, key: str, token: str | None, join: Join) -> Iterator[Listener]:
    """``join`` makes the channel and its bindings; it is subscribed with ``token``."""
    listener = Listener()
    stop: asyncio.Event = asyncio.Event()
    loop = asyncio.new_event_loop()

    async def run() -> None:
        client = await acreate_client(url, key)
        if token is not None:
            await client.realtime.set_auth(token)
        channel = join(client, listener)
        channel.on_system(lambda payload: listener.systems.put(dict(payload)))
        await channel.subscribe(listener.on_state)
        await stop.wait()
        await client.remove_all_channels()
        await client.realtime.close()
        await _abandon_timeouts()

    thread = threading.Thread(target=loop.run_until_complete, args=[run()])
    thread.start()
    try:
        yield listener
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(WAIT)
        loop.close()


async def _abandon_timeouts() -> None:
    """The client leaves the timers of answered pushes behind."""
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)


def private_topic(topic: str) -> Join:
    """Joins the private topic of a site, as our token response names it."""

    def join(client: AsyncClient, listener: Listener) -> AsyncRealtimeChannel:
        config: Any = {"config": {"private": True, "broadcast": {"replication_ready": True}}}
        channel = client.channel(topic, config)
        return channel.on_broadcast("live_updates", listener.on_broadcast)  # type: ignore[arg-type]

    return join


def table_changes(site_id: str, **binding: Any) -> Join:
    """Subscribes to inserts as the design document does."""

    def join(client: AsyncClient, listener: Listener) -> AsyncRealtimeChannel:
        name = f"live_updates:site_id=eq.{site_id}"
        wanted = {"table": "live_updates", "filter": f"site_id=eq.{site_id}", **binding}
        return client.channel(name).on_postgres_changes(
            "INSERT",  # type: ignore[arg-type]
            listener.on_row,  # type: ignore[arg-type]
            **wanted,
        )

    return join
