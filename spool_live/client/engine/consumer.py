"""The bounded queue of one subscriber, which never blocks others; the log has what does not fit."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Literal

from spool_live.client.engine.sequencer import Page
from spool_live.client.exceptions import DisconnectedError, LiveUpdatesError, TransientError
from spool_live.client.policy import Timing, retry_delay
from spool_live.client.updates import EVERYTHING, Event, LiveUpdate, Reset, UpdateFilter

ReadLog = Callable[[int, int], Awaitable[Page]]

PAGE_SIZE = 500


class Consumer:
    """A queue that takes events in order and hands them out with ``get``.

    A full queue with overflow "catch_up" ignores further events. When it is empty again, it reads
    the log from the point at which it stopped. A consumer that begins at an older position (a
    stored cursor) does the same.
    """

    def __init__(
        self,
        read_log: ReadLog,
        timing: Timing,
        *,
        position: int | None = None,
        size: int = 1000,
        overflow: Literal["catch_up", "drop_oldest"] = "catch_up",
        wanted: UpdateFilter = EVERYTHING,
    ) -> None:
        self._read_log = read_log
        self._timing = timing
        self._position = position
        self._size = size
        self._drop_oldest = overflow == "drop_oldest"
        self._wanted = wanted
        self._queue: deque[Event] = deque()
        self._aside: list[Event] | None = None  # what arrives while the log is being read
        self._lagging = False
        self._target = 0  # the stream's position, as far as known
        self._in_hand: Event | None = None
        self._done: int | None = position
        self._ended = asyncio.Event()
        self._error: LiveUpdatesError | None = None
        self._arrived = asyncio.Event()

    @property
    def idle(self) -> bool:
        """Whether no event is waiting or being handled."""
        return not self._queue and self._in_hand is None and not self._lagging

    @property
    def cursor(self) -> int | None:
        """The sequence number up to which everything has been handled."""
        return self._done if self._queue or self._in_hand else self._position

    def start(self, position: int) -> None:
        """Begin at ``position`` of the stream, or at the consumer's own older one and catch up."""
        if self._position is None:
            self._position = self._done = position
        self._lagging = self._position != position
        self._target = position
        self._arrived.set()

    def offer(self, event: Event) -> None:
        """Take the next event of the stream, if there is room. Never blocks."""
        self._target = max(self._target, event.seq or 0)
        if self._aside is not None:
            if len(self._aside) < self._size:
                self._aside.append(event)
            else:
                self._lagging = True
        elif not self._lagging:
            self._take(event)
        self._arrived.set()

    def end(self, error: LiveUpdatesError | None) -> None:
        """End the queue: ``get`` hands out what is queued, then raises ``error``."""
        self._error = error
        self._ended.set()
        self._arrived.set()

    async def get(self) -> Event:
        """Return the next event. The previous one counts as handled from now on.

        Raises the error that ended the stream (``DisconnectedError`` after a disconnect).
        """
        self.done()
        failures = 0
        while not self._queue:
            if self._ended.is_set():
                raise self._error or DisconnectedError("The client is disconnected.")
            if self._lagging:
                failures = await self._catch_up(failures)
            else:
                self._arrived.clear()
                await self._arrived.wait()
        self._in_hand = self._queue.popleft()
        return self._in_hand

    def done(self) -> None:
        """Note that the event which ``get`` returned last is handled."""
        if self._in_hand is not None and self._in_hand.seq is not None:
            self._done = self._in_hand.seq
        self._in_hand = None

    def _take(self, event: Event) -> None:
        if isinstance(event, LiveUpdate):
            self._take_update(event)
        elif event.seq != self._position:
            self._position = event.seq
            self._append(event)

    def _take_update(self, update: LiveUpdate) -> None:
        if update.seq is not None and self._position is not None and update.seq <= self._position:
            return
        wanted = self._wanted.matches(update)
        if wanted and self._is_full() and not self._drop_oldest:
            self._lagging = True
            return
        self._position = self._position if update.seq is None else update.seq
        if wanted:
            self._append(update)

    def _append(self, event: Event) -> None:
        if self._is_full() and self._drop_oldest:
            self._make_room()
        self._queue.append(event)

    def _is_full(self) -> bool:
        return len(self._queue) >= self._size

    def _make_room(self) -> None:
        dropped = self._queue.popleft()
        if isinstance(dropped, Reset) and self._queue:
            dropped = self._queue.popleft()
        self._queue.appendleft(Reset(dropped.seq or 0, "overflow"))

    async def _catch_up(self, failures: int) -> int:
        """Read one page; events that arrive meanwhile follow it. Return the number of failures."""
        self._lagging, self._aside, target = False, [], self._target
        try:
            page = await self._read_log(self._position or 0, min(self._size, PAGE_SIZE))
        except TransientError as error:
            self._lagging = True
            return await self._pause(failures + 1, error.retry_after)
        finally:
            aside, self._aside = self._aside, None
        self._take_page(page)
        if page.next is not None or self._lagging:
            self._lagging = True
            return 0
        if page.epoch is None and (self._position or 0) < target:  # only the CMS proves a gap
            self._lagging = True
            return await self._pause(failures + 1)
        for event in aside:
            self._take(event)
        return 0

    async def _pause(self, failures: int, retry_after: float | None = None) -> int:
        """Wait for the back-off time, or until the stream ends; return ``failures``."""
        try:
            async with asyncio.timeout(retry_delay(failures, retry_after, self._timing)):
                await self._ended.wait()
        except TimeoutError:
            pass
        return failures

    def _take_page(self, page: Page) -> None:
        if page.reset:
            self._take(Reset(page.seq))
        for update in page.updates:
            self._take(update)
