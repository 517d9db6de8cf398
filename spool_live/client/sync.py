"""The client for code without an event loop: scripts, WSGI processes, notebooks.

One background thread per process runs the event loop of all synchronous clients.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Collection, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from spool_live.client.client import LiveUpdatesClient
from spool_live.client.config import LiveUpdatesConfig
from spool_live.client.exceptions import LiveUpdatesError
from spool_live.client.state import ConnectionState, StateCallback
from spool_live.client.updates import Event, LiveUpdate, Reset

T = TypeVar("T")


class BackgroundLoop:
    """An event loop in a daemon thread. It belongs to the process that started it."""

    _instance: BackgroundLoop | None = None
    _lock = threading.Lock()

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self.loop.run_forever, name="spool-live", daemon=True
        )
        self._thread.start()

    @classmethod
    def of_this_process(cls) -> BackgroundLoop:
        """Return this process's loop, started on first use and again after a fork."""
        with cls._lock:
            if cls._instance is None or cls._instance.pid != os.getpid():
                cls._instance = cls()
            return cls._instance

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the loop and wait here for its result."""
        if threading.current_thread() is self._thread or self.pid != os.getpid():
            coroutine.close()
            raise LiveUpdatesError(
                "Call this from a thread of the process that connected, not from a state callback. "
                "After a fork, connect again in the child."
            )
        future = asyncio.run_coroutine_threadsafe(coroutine, self.loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise


class SyncLiveUpdatesClient:
    """``LiveUpdatesClient`` for threads: the same methods, blocking.

    Iterate over it, or register callbacks with ``on_update``:

        with SyncLiveUpdatesClient(LiveUpdatesConfig.from_env()) as client:
            for update in client:
                print(update.collection, update.slug)

    Callbacks run one after the other in a thread of their own, where they may block.
    """

    def __init__(self, config: LiveUpdatesConfig | None = None) -> None:
        self._client = LiveUpdatesClient(config)
        self._background = BackgroundLoop.of_this_process()
        self._thread: ThreadPoolExecutor | None = None

    def connect(self, config: LiveUpdatesConfig | None = None) -> None:
        """Connect, and return once the first token has arrived or the first attempt has failed.

        Takes and raises what ``LiveUpdatesClient.connect`` does.
        """
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="spool-live-handlers")
        self._background.run(self._client.connect(config))

    def disconnect(self) -> None:
        """Disconnect, and end iterations, without waiting for a callback that is running."""
        self._background.run(self._client.disconnect())
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.shutdown(wait=False, cancel_futures=True)

    def __enter__(self) -> SyncLiveUpdatesClient:
        self.connect()
        return self

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        self.disconnect()

    @property
    def state(self) -> ConnectionState:
        """The state of the connection right now."""
        return self._client.state

    def wait_until_live(self, timeout: float | None = None) -> None:
        """Return when the socket is joined, ready and caught up.

        Raises ``TimeoutError`` after ``timeout`` seconds (``None``: never), or, if the client stops
        before that, the error that stopped it.
        """
        self._background.run(self._client.wait_until_live(timeout))

    def on_update(
        self,
        callback: Callable[[LiveUpdate], None],
        *,
        collections: Collection[str] | None = None,
        event_types: Collection[str] | None = None,
    ) -> Callable[[LiveUpdate], None]:
        """Call ``callback`` in the handlers' thread with every ``LiveUpdate``; returns it.

        ``collections`` and ``event_types`` are the names to call it for; ``None`` means all.
        """

        async def add() -> None:
            """Register the callback in the client's event loop."""
            self._client.on_update(
                self._in_thread(callback), collections=collections, event_types=event_types
            )

        self._background.run(add())
        return callback

    def on_reset(self, callback: Callable[[Reset], None]) -> Callable[[Reset], None]:
        """Call ``callback`` in the handlers' thread with a ``Reset`` when updates were missed
        and cannot be recovered; return it."""

        async def add() -> None:
            """Register the callback in the client's event loop."""
            self._client.on_reset(self._in_thread(callback))

        self._background.run(add())
        return callback

    def on_state(self, callback: StateCallback) -> StateCallback:
        """Call ``callback`` in the loop's thread with each new ``ConnectionState``; returns it. It
        must not block."""
        return self._client.on_state(callback)

    def events(self) -> Iterator[Event]:
        """Yield each ``LiveUpdate`` and ``Reset``, in order, until ``disconnect``.

        Raises the error that stopped the client, and ``DisconnectedError`` before ``connect``.
        """
        events = self._client.events()
        try:
            while (event := self._background.run(_next(events))) is not None:
                yield event
        finally:
            self._background.run(events.aclose())

    def __iter__(self) -> Iterator[LiveUpdate]:
        updates = aiter(self._client)
        try:
            while (update := self._background.run(_next(updates))) is not None:
                yield update
        finally:
            self._background.run(updates.aclose())

    def _in_thread(
        self, callback: Callable[[Any], None]
    ) -> Callable[[Any], Coroutine[Any, Any, None]]:
        async def call(event: Any) -> None:
            await asyncio.get_running_loop().run_in_executor(self._thread, callback, event)

        return call


async def _next(events: Any) -> Any:
    return await anext(events, None)
