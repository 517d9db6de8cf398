"""Reads the log: on request, at intervals, and more often while there is no socket."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable

from spool_live.client.engine.log import UpdateLog
from spool_live.client.engine.sequencer import Page
from spool_live.client.engine.stream import Stream
from spool_live.client.engine.watchdog import Watchdog
from spool_live.client.exceptions import LiveUpdatesError, TransientError
from spool_live.client.policy import Random, Timing, jittered, poll_interval, retry_delay
from spool_live.client.state import Phase, StateHolder

CONFIRMATIONS = 3
_JOINED = {Phase.LIVE, Phase.DELAYED}


class CatchUp:
    """The only reader of the log for a stream. ``run`` is its loop.

    ``usual_interval`` returns the seconds between two catch-ups while the socket is live.
    """

    def __init__(
        self,
        log: UpdateLog,
        stream: Stream,
        watchdog: Watchdog,
        state: StateHolder,
        timing: Timing,
        *,
        usual_interval: Callable[[], float],
        on_epoch: Callable[[int], None],
        now: Callable[[], float] = time.monotonic,
        rand: Random = random.random,
    ) -> None:
        self._log = log
        self._stream = stream
        self._watchdog = watchdog
        self._state = state
        self._timing = timing
        self._usual_interval = usual_interval
        self._on_epoch = on_epoch
        self._now = now
        self._rand = rand
        self._requested = False
        self._wake = asyncio.Event()
        self._begun = 0
        self._finished = 0
        self._progress = asyncio.Condition()
        self._idle_polls = 0
        self._failures = 0

    def request(self) -> None:
        """Read the log soon. Requests made before the reading begins are merged into one."""
        self._requested = True
        self._wake.set()

    def reschedule(self) -> None:
        """Recompute the interval, because the socket was connected or lost."""
        self._wake.set()

    async def complete(self) -> None:
        """Request a catch-up, and return once one that began after this call has finished."""
        goal = self._begun + 1
        self.request()
        async with self._progress:
            await self._progress.wait_for(lambda: self._finished >= goal)

    async def run(self) -> None:
        """Read the log again and again, until cancelled. Raises every error that is not a
        ``TransientError``."""
        await self._stream.started()
        while True:
            on_time = await self._wait()
            try:
                await self._read_all(probe=on_time and self._state.current.phase in _JOINED)
            except TransientError as error:
                await self._failed(error)
            else:
                self._failures = 0

    async def _wait(self) -> bool:
        """Wait for a request or for the end of the interval; return True in the latter case."""
        while not self._requested:
            self._wake.clear()
            try:
                async with asyncio.timeout(self._interval()):
                    await self._wake.wait()
            except TimeoutError:
                return True
        self._requested = False
        return False

    def _interval(self) -> float:
        if not self._state.current.connected or self._watchdog.suspicious:
            return poll_interval(self._idle_polls, self._timing, self._rand)
        return jittered(self._usual_interval(), self._rand)

    async def _read_all(self, *, probe: bool) -> None:
        self._begun += 1
        found = await self._read_pages()
        if probe and found is not None:
            self._watchdog.found(found, self._now())
        self._idle_polls = 0 if found is not None else self._idle_polls + 1
        await self._close_gap()
        async with self._progress:
            self._finished = self._begun
            self._progress.notify_all()

    async def _read_pages(self) -> int | None:
        """Read to the end of the log; return the highest new sequence number, if any."""
        found: int | None = None
        while True:
            before = self._stream.position or 0
            page = await self._log.read(before)
            self._stream.absorb(page)
            self._note(page)
            if (last := page.last_seq) is not None and last > before:
                found = last
            if page.next is None:
                return found

    async def _close_gap(self) -> None:
        """Read again for an update that the log does not show yet, then accept the gap."""
        gap_before = self._stream.gap_before
        for confirmation in range(1, CONFIRMATIONS + 1):
            if gap_before is None:
                return
            await asyncio.sleep(self._timing.catch_up_confirm * confirmation)
            await self._read_pages()
            if self._stream.gap_before != gap_before:
                self.request()  # there was progress: another gap gets its own confirmations
                return
        if self._log.trouble is None:  # only the CMS proves a gap
            self._stream.accept_gap()

    def _note(self, page: Page) -> None:
        self._report(self._log.trouble)
        if page.epoch is not None:
            self._on_epoch(page.epoch)

    async def _failed(self, error: TransientError) -> None:
        self._failures += 1
        self._report(error)
        delay = retry_delay(self._failures, error.retry_after, self._timing, self._rand)
        await asyncio.sleep(delay)
        self.request()

    def _report(self, trouble: LiveUpdatesError | None) -> None:
        changes: dict[str, object] = {"log": self._log.source}
        if trouble is not None or self._state.current.connected:
            changes["error"] = None if trouble is None else str(trouble)
        self._state.update(**changes)
