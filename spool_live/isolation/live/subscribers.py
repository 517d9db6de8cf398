"""Subscribers that use Supabase's official client, each with a socket of its own, as front ends
do."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from supabase import AsyncClient, acreate_client

from spool_live.isolation.live.cases import Case
from spool_live.isolation.live.sites import POLL, Deliverer

READY = ("Subscribed to PostgreSQL", "Replication connection established")
CLOSE_WITHIN = 5.0
MISSING_PARTITION = "MissingPartition"
COLD_START_WITHIN = 30.0
"""Seconds that Realtime gets to make today's partition of ``realtime.messages``. It does so only
while a client is connected; on a project without earlier clients that took about six seconds."""
COLD_START = (
    "waiting for Realtime to make today's partition of realtime.messages, as no client was "
    "connected to the project today"
)


@dataclass
class ProbeSubscriber:
    """One connected case: how its join ended, and the updates that arrived.

    ``arrived`` maps the slug of each update to the monotonic time of its arrival. ``settled`` is
    set once the join has succeeded or was refused.
    """

    case: Case
    state: str = ""
    live: bool = False
    arrived: dict[str, float] = field(default_factory=dict)
    settled: asyncio.Event = field(default_factory=asyncio.Event)
    cold: bool = False
    """Whether Realtime had no partition for today's messages when the subscriber tried to join."""
    client: AsyncClient | None = None

    async def join(self, url: str, key: str, within: float) -> None:
        """Join, and wait until the join succeeds, is refused, or takes longer than ``within``
        seconds.

        Never raises: ``state`` has the outcome.
        """
        try:
            self.client = await acreate_client(url, key)
            if self.case.token is not None:
                await self.client.realtime.set_auth(self.case.token)
            await self._subscribe(self.client)
            try:
                await asyncio.wait_for(self.settled.wait(), within)
            except TimeoutError:
                if not self.cold:
                    raise
                await asyncio.wait_for(self.settled.wait(), COLD_START_WITHIN)
            if not self.live and self.case.own is None:
                await self.client.realtime.close()  # or the library would try again and again
        except TimeoutError:
            self.state = self.state or "no answer"
        except Exception as error:  # noqa: BLE001 - the library raises various errors
            self.state = f"refused: {type(error).__name__}"

    async def _subscribe(self, client: AsyncClient) -> None:
        case = self.case
        if case.topic is not None:
            config: Any = {"config": {"private": True, "broadcast": {"replication_ready": True}}}
            channel = client.channel(case.topic, config)
            channel.on_broadcast("live_updates", self._on_broadcast)  # type: ignore[arg-type]
        else:
            binding: Any = {"event": "INSERT", "table": "live_updates", **case.binding}
            channel = client.channel(f"live_updates:{case.name}")
            channel.on_postgres_changes(callback=self._on_row, **binding)
        channel.on_system(self._on_system)
        await channel.subscribe(self._on_state)

    def _on_broadcast(self, message: dict[str, Any]) -> None:
        for update in message["payload"]["changes"]:
            self._take(update)

    def _on_row(self, message: Any) -> None:
        self._take(message["data"]["record"])

    def _take(self, update: dict[str, Any]) -> None:
        # A deletion discloses no content: it has no slug.
        slug = update.get("slug")
        if slug is not None:
            self.arrived.setdefault(slug, time.monotonic())

    def _on_system(self, payload: Any) -> None:
        message = dict(payload)  # a pydantic model
        text = str(message.get("message", ""))
        if any(ready in text for ready in READY):
            self.live, self.state = True, "live"
            self.settled.set()
        elif message.get("status") == "error":
            self.live, self.state = False, f"refused: {text[:80]}"
            self.settled.set()

    def _on_state(self, state: Any, error: Exception | None) -> None:
        if state.value == "SUBSCRIBED":
            return
        reason = _reason(error) or state.value
        self.live, self.state = False, f"refused: {reason}"
        if reason == MISSING_PARTITION:
            self.cold = True  # the library tries again, and Realtime makes the partition meanwhile
        else:
            self.settled.set()


def _reason(error: Exception | None) -> str:
    """Return the code of Realtime's reason (``Unauthorized``), which the library wraps in JSON."""
    try:
        answer = json.loads(str(error))
        text = str(answer.get("reason") or answer.get("message"))
    except (ValueError, AttributeError):
        text = str(error or "")
    return text.partition(":")[0][:60]


class Subscribers:
    """All subscribers. They run on an event loop in a thread of their own while the block runs."""

    def __init__(
        self,
        url: str,
        key: str,
        deliverer: Deliverer,
        progress: Callable[[str], None] = lambda stage: None,
    ) -> None:
        self._url, self._key, self._deliverer, self._progress = url, key, deliverer, progress
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._joining: list[Future[None]] = []
        self.all: list[ProbeSubscriber] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        wait(self._joining, CLOSE_WITHIN)  # a socket that is being opened cannot be closed well
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(CLOSE_WITHIN)
        self._loop.close()

    def join(self, cases: list[Case]) -> list[ProbeSubscriber]:
        """Join all cases at the same time, and wait until each join has ended."""
        fresh = [ProbeSubscriber(case) for case in cases]
        self.all += fresh
        joining = asyncio.run_coroutine_threadsafe(self._join(fresh), self._loop)
        self._joining.append(joining)
        reported = False
        while not joining.done():
            self._deliverer.check()
            if not reported and any(subscriber.cold for subscriber in fresh):
                reported = True
                self._progress(COLD_START)
            time.sleep(POLL)
        joining.result()
        return fresh

    async def _join(self, fresh: list[ProbeSubscriber]) -> None:
        await asyncio.gather(
            *(s.join(self._url, self._key, self._deliverer.timeout) for s in fresh)
        )

    async def _close(self) -> None:
        clients = [s.client for s in self.all if s.client is not None]
        closing = [client.realtime.close() for client in clients]
        await asyncio.wait_for(asyncio.gather(*closing, return_exceptions=True), CLOSE_WITHIN)
        # The library leaves the timers of answered pushes behind.
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
