"""The face of the client: connect, listen, disconnect."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from typing import Any

from spool_live.client.config import LiveUpdatesConfig
from spool_live.client.consumer import Consumer, StreamEndedError
from spool_live.client.exceptions import LiveUpdatesError
from spool_live.client.feed import Feed
from spool_live.client.state import ConnectionState, Phase, StateCallback
from spool_live.client.updates import Event, LiveUpdate, Reset, UpdateFilter

logger = logging.getLogger("spool_live.client")

UpdateCallback = Callable[[LiveUpdate], Awaitable[None] | None]
ResetCallback = Callable[[Reset], Awaitable[None] | None]


class LiveUpdatesClient:
    """A site's updates: each once, in order, none missed.

    ::

        async with LiveUpdatesClient(LiveUpdatesConfig.from_env()) as client:
            async for update in client:
                print(update.collection, update.slug)

    or `client.on_update(callback)` before `connect`. Callbacks may be async; sync ones run on the
    event loop and must not block. What a callback raises is logged and does not stop the stream.
    """

    def __init__(self, config: LiveUpdatesConfig | None = None) -> None:
        self._config = config
        self._feed: Feed | None = None
        self._callbacks: list[tuple[UpdateFilter, UpdateCallback]] = []
        self._reset_callbacks: list[ResetCallback] = []
        self._state_callbacks: list[StateCallback] = []
        self._worker: asyncio.Task[None] | None = None
        self._iterated = False

    async def connect(self, config: LiveUpdatesConfig | None = None) -> None:
        """Start, and return as soon as the first token is here or the first attempt has failed.

        Raises ConfigurationError where waiting would not help. What may pass is retried in the
        background: `state.error` says what it is, `wait_until_live` waits for its end.
        """
        if self._feed is not None:
            raise LiveUpdatesError("This client is connected already: disconnect it first.")
        self._config = config or self._config or LiveUpdatesConfig.from_env()
        self._feed = Feed(self._config)
        for callback in self._state_callbacks:
            self._feed.state.watch(callback)
        if self._callbacks or self._reset_callbacks:
            self._start_worker()
        self._feed.start()
        try:
            await self._feed.reached(
                lambda state: (
                    state.phase in {Phase.JOINED, Phase.LIVE, Phase.BACKING_OFF}
                    or (self._feed is not None and self._feed.stream.position is not None)
                )
            )
        except LiveUpdatesError:
            await self.disconnect()
            raise

    async def disconnect(self) -> None:
        """Leave the socket, and end callbacks and iterations. May be called twice."""
        feed, self._feed = self._feed, None
        worker, self._worker = self._worker, None
        if feed is not None:
            await feed.stop()
        if worker is not None:
            worker.cancel()
            await asyncio.wait([worker])

    async def __aenter__(self) -> LiveUpdatesClient:
        await self.connect()
        return self

    async def __aexit__(self, kind: object, error: object, traceback: object) -> None:
        await self.disconnect()

    @property
    def state(self) -> ConnectionState:
        """What the connection is doing right now."""
        if self._feed is not None:
            return self._feed.state.current
        return ConnectionState(site_id=self._config.site_id if self._config else "")

    async def wait_until_live(self, timeout: float | None = None) -> None:  # noqa: ASYNC109  # part of the face
        """Return when the socket is joined, ready and caught up.

        Raises TimeoutError after `timeout` seconds, or what stopped the client before that.
        """
        async with asyncio.timeout(timeout):
            await self._connected_feed().reached(lambda state: state.connected)

    def on_update(
        self,
        callback: UpdateCallback,
        *,
        collections: Collection[str] | None = None,
        event_types: Collection[str] | None = None,
    ) -> UpdateCallback:
        """Call back for every update (of these collections, event types). Also a decorator."""
        self._callbacks.append((UpdateFilter.of(collections, event_types), callback))
        if self._feed is not None and self._worker is None:
            self._start_worker()
        return callback

    def on_reset(self, callback: ResetCallback) -> ResetCallback:
        """Call back when updates were missed for good and content has to be fetched anew."""
        self._reset_callbacks.append(callback)
        return callback

    def on_state(self, callback: StateCallback) -> StateCallback:
        """Call back, on the event loop, whenever the state changes."""
        self._state_callbacks.append(callback)
        if self._feed is not None:
            self._feed.state.watch(callback)
        return callback

    async def events(self) -> AsyncIterator[Event]:
        """Updates and resets, in order, until `disconnect`.

        The first iteration begins where the client began, later ones with what is new.
        Raises what stopped the client.
        """
        feed = self._connected_feed()
        consumer = self._consumer(feed, from_start=not self._iterated)
        self._iterated = True
        try:
            while True:
                yield await consumer.get()
        except StreamEndedError:
            return
        finally:
            feed.stream.detach(consumer)

    async def __aiter__(self) -> AsyncIterator[LiveUpdate]:
        async for event in self.events():
            if isinstance(event, LiveUpdate):
                yield event
            else:
                self._warn_of(event)

    def _connected_feed(self) -> Feed:
        if self._feed is None:
            raise LiveUpdatesError("The client is not connected: await client.connect() first.")
        return self._feed

    def _consumer(self, feed: Feed, *, from_start: bool) -> Consumer:
        config = feed.config
        consumer = Consumer(
            feed.read_log,
            config.timing,
            position=config.start if from_start else None,
            size=config.queue_size,
            overflow=config.overflow,
            wanted=config.filter,
        )
        feed.stream.attach(consumer)
        return consumer

    def _start_worker(self) -> None:
        feed = self._connected_feed()
        consumer = self._consumer(feed, from_start=True)
        self._worker = asyncio.create_task(self._call_back(feed, consumer))

    async def _call_back(self, feed: Feed, consumer: Consumer) -> None:
        try:
            while True:
                event = await consumer.get()
                if isinstance(event, Reset):
                    if not self._reset_callbacks:
                        self._warn_of(event)
                    for on_reset in self._reset_callbacks:
                        await self._guarded(on_reset, event)
                    continue
                for wanted, callback in self._callbacks:
                    if wanted.matches(event):
                        await self._guarded(callback, event)
        except LiveUpdatesError:
            return  # told by the state
        finally:
            feed.stream.detach(consumer)

    async def _guarded(self, callback: Callable[[Any], Any], event: Event) -> None:
        try:
            result = callback(event)
            if inspect.isawaitable(result):
                await result
        except Exception:
            logger.exception("A handler of live updates failed on %s", event)

    def _warn_of(self, reset: Reset) -> None:
        logger.warning(
            "Updates of site %s were missed for good (%s): fetch the content anew. "
            "Use on_reset() or events() to handle this.",
            self.state.site_id,
            reset.reason,
        )
