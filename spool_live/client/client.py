"""``LiveUpdatesClient``: connect, receive updates, disconnect."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Collection
from contextlib import aclosing
from dataclasses import replace

from spool_live.client.config import LiveUpdatesConfig
from spool_live.client.engine.consumer import Consumer
from spool_live.client.engine.cursor_keeper import CursorKeeper
from spool_live.client.engine.feed import Feed
from spool_live.client.exceptions import DisconnectedError, LiveUpdatesError
from spool_live.client.handlers import Handlers, ResetCallback, UpdateCallback, warn_about_reset
from spool_live.client.state import ConnectionState, Phase, StateCallback
from spool_live.client.updates import Event, LiveUpdate, UpdateFilter


class LiveUpdatesClient:
    """A client of one site: receives each of its updates once, in order, none missed.

    Iterate over the client, or register callbacks with ``on_update``:

        async with LiveUpdatesClient(LiveUpdatesConfig.from_env()) as client:
            async for update in client:
                print(update.collection, update.slug)

    Callbacks may be async; sync ones run on the event loop and must not block. An exception in a
    callback is logged and does not stop the stream. Clients of the same site and key share one
    connection; each keeps its own place in the stream.
    """

    def __init__(self, config: LiveUpdatesConfig | None = None) -> None:
        self._config = config
        self._feed: Feed | None = None
        self._start: int | None = None
        self._cursor: CursorKeeper | None = None
        self._consumers: set[Consumer] = set()
        self._handlers = Handlers()
        self._worker: asyncio.Task[None] | None = None
        self._iterated = False
        self._watchers: list[StateCallback] = []
        self._state = ConnectionState(site_id=config.site_id if config else "")

    async def connect(self, config: LiveUpdatesConfig | None = None) -> None:
        """Connect, and return once the first token has arrived or the first attempt has failed.

        ``config`` defaults to the one given to the class, or else to
        ``LiveUpdatesConfig.from_env()``. A failure that may pass by itself is retried in the
        background: ``state.error`` describes it, and ``wait_until_live`` waits until it is over.
        Raises ``ConfigurationError`` if waiting would not help, and ``LiveUpdatesError`` if the
        client is already connected.
        """
        if self._feed is not None:
            raise LiveUpdatesError("This client is already connected: disconnect it first.")
        self._config = config = config or self._config or LiveUpdatesConfig.from_env()
        self._cursor = CursorKeeper(store) if (store := config.cursor_store) else None
        stored = await self._cursor.load() if self._cursor else None
        self._feed = feed = Feed.acquire(config)
        self._start = next((n for n in (stored, config.start) if n is not None), feed.position)
        for callback in self._watchers:
            feed.state.watch(callback)
        if self._handlers:
            self._start_worker(feed)
        try:
            await feed.reached(
                lambda state: feed.position is not None or state.phase is Phase.BACKING_OFF
            )
        except BaseException:  # including the cancellation of the caller
            await self.disconnect()
            raise

    async def disconnect(self) -> None:
        """Disconnect, and end callbacks and iterations. Calling it twice does no harm."""
        feed, self._feed = self._feed, None
        worker, self._worker = self._worker, None
        if feed is None:
            return
        try:
            if worker is not None and worker is not asyncio.current_task():
                worker.cancel()
                await asyncio.wait([worker])
            await self._save_cursor(final=True)
        finally:  # also if the caller is cancelled
            for consumer in tuple(self._consumers):
                consumer.end(None)
                self._forget(feed, consumer)
            for callback in self._watchers:
                feed.state.unwatch(callback)
            self._state = replace(feed.state.current, phase=Phase.STOPPED, connected=False)
            await feed.release()

    async def __aenter__(self) -> LiveUpdatesClient:
        await self.connect()
        return self

    async def __aexit__(self, kind: object, error: object, traceback: object) -> None:
        await self.disconnect()

    @property
    def state(self) -> ConnectionState:
        """The state of the connection right now."""
        return self._state if self._feed is None else self._feed.state.current

    async def wait_until_live(self, timeout: float | None = None) -> None:  # noqa: ASYNC109  # part of the public API
        """Wait until the socket is joined, ready and caught up.

        Raises ``TimeoutError`` after ``timeout`` seconds (``None``: never), or, if the client stops
        before that, the error that stopped it.
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
        """Call ``callback`` with every ``LiveUpdate``.

        ``collections`` and ``event_types`` are the names to call it for; ``None`` means all.
        Returns the callback, so that the method also works as a decorator.
        """
        self._handlers.add_update(UpdateFilter.of(collections, event_types), callback)
        if self._feed is not None and self._worker is None:
            self._start_worker(self._feed)
        return callback

    def on_reset(self, callback: ResetCallback) -> ResetCallback:
        """Call ``callback`` with a ``Reset`` when updates were missed and cannot be recovered.

        Returns the callback, so that the method also works as a decorator.
        """
        self._handlers.add_reset(callback)
        if self._feed is not None and self._worker is None:
            self._start_worker(self._feed)
        return callback

    def on_state(self, callback: StateCallback) -> StateCallback:
        """Call ``callback`` on the event loop with each new ``ConnectionState``.

        Returns the callback, so that the method also works as a decorator.
        """
        self._watchers.append(callback)
        if self._feed is not None:
            self._feed.state.watch(callback)
        return callback

    async def events(self) -> AsyncGenerator[Event, None]:
        """Yield each ``LiveUpdate`` and ``Reset``, in order, until ``disconnect``.

        The first iteration begins at the position at which the client started, every later one with
        the next new update. Raises the error that stopped the client, and ``DisconnectedError``
        before ``connect``.
        """
        feed = self._connected_feed()
        consumer = self._consumer(feed, from_start=not self._iterated)
        self._iterated = True
        try:
            while True:
                event = await consumer.get()
                yield event
                consumer.done()
                await self._save_cursor()
        except DisconnectedError:
            return
        finally:
            self._forget(feed, consumer)

    async def acknowledge(self) -> None:
        """Save the cursor: everything handed out so far counts as handled.

        Requesting the next update does the same; call this before you leave an iteration early.
        """
        for consumer in self._consumers:
            consumer.done()
        await self._save_cursor(final=True)

    async def __aiter__(self) -> AsyncGenerator[LiveUpdate, None]:
        async with aclosing(self.events()) as events:
            async for event in events:
                if isinstance(event, LiveUpdate):
                    yield event
                else:
                    warn_about_reset(event)

    def _connected_feed(self) -> Feed:
        if self._feed is None:
            raise DisconnectedError("The client is not connected: await client.connect() first.")
        return self._feed

    def _consumer(self, feed: Feed, *, from_start: bool) -> Consumer:
        consumer = feed.consumer(self._config or feed.config, self._start, from_start=from_start)
        self._consumers.add(consumer)
        return consumer

    def _forget(self, feed: Feed, consumer: Consumer) -> None:
        feed.stream.detach(consumer)
        self._consumers.discard(consumer)

    def _start_worker(self, feed: Feed) -> None:
        consumer = self._consumer(feed, from_start=True)
        self._worker = asyncio.create_task(self._call_back(consumer))

    async def _call_back(self, consumer: Consumer) -> None:
        try:
            while True:
                await self._handlers.handle(await consumer.get())
                consumer.done()
                await self._save_cursor()
        except LiveUpdatesError:
            return  # ``state.error`` describes it

    async def _save_cursor(self, *, final: bool = False) -> None:
        if self._cursor is not None and self._consumers:
            await self._cursor.note(self._consumers, final=final)
