"""Everything that belongs to one site's connection, put together once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from spool_live.client.api import ContentApi
from spool_live.client.catch_up import CatchUp
from spool_live.client.config import LiveUpdatesConfig
from spool_live.client.exceptions import LiveUpdatesError
from spool_live.client.log import UpdateLog
from spool_live.client.sequencer import Page
from spool_live.client.state import ConnectionState, Phase, StateHolder
from spool_live.client.stream import Stream
from spool_live.client.supervisor import Supervisor, first_of
from spool_live.client.token_source import TokenSource
from spool_live.client.watchdog import Watchdog


class Feed:
    """One socket, one log reader, one order; `stream` has the consumers, `state` the watchers."""

    def __init__(self, config: LiveUpdatesConfig) -> None:
        timing = config.timing
        self.config = config
        self.state = StateHolder(config.site_id)
        self.stream = Stream(self.state)
        self.error: LiveUpdatesError | None = None
        self._api = ContentApi(config)
        self._tokens = TokenSource(self._api, timing)
        self._log = UpdateLog(self._api, lambda: self._tokens.current, timing)
        watchdog = Watchdog(timing)
        self._catch_up = CatchUp(
            self._log, self.stream, watchdog, self.state, timing, on_epoch=self._on_epoch
        )
        self._supervisor = Supervisor(
            tokens=self._tokens,
            stream=self.stream,
            catch_up=self._catch_up,
            watchdog=watchdog,
            state=self.state,
            timing=timing,
            attempt_limit=config.attempt_limit,
        )
        self._told_epoch: int | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def read_log(self) -> Callable[[int], Awaitable[Page]]:
        """For consumers that lag behind the stream."""
        return self._log.read

    def start(self) -> None:
        """Begin to connect, in a task of the running loop."""
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name=f"spool-live {self.config.site_id}")

    async def stop(self) -> None:
        """Leave the socket and end the consumers."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        await self._api.aclose()

    async def reached(self, wanted: Callable[[ConnectionState], bool]) -> ConnectionState:
        """Wait for a state. Raises the fatal error if the feed ends first."""
        changed = asyncio.Event()
        end_watch = self.state.watch(lambda _: changed.set())
        try:
            while not wanted(self.state.current):
                if self.state.current.phase is Phase.STOPPED:
                    raise self.error or LiveUpdatesError("The client is disconnected.")
                changed.clear()
                await changed.wait()
            return self.state.current
        finally:
            end_watch()

    async def _run(self) -> None:
        try:
            await first_of(self._supervisor.run(), self._catch_up.run())
        except LiveUpdatesError as error:
            self.error = error
        finally:
            self.stream.end(self.error)
            self.state.update(
                phase=Phase.STOPPED, error=None if self.error is None else str(self.error)
            )

    def _on_epoch(self, epoch: int) -> None:
        """The log names the site's epoch: a new one needs a new token, asked for once."""
        token = self._tokens.current
        if token is not None and epoch not in {token.epoch, self._told_epoch}:
            self._tokens.request(within=self.config.timing.epoch_jitter)
        self._told_epoch = epoch
