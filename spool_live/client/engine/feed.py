"""One site's connection, shared by the clients of an event loop that have the same settings."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from weakref import WeakKeyDictionary

from spool_live.client.config import LiveUpdatesConfig
from spool_live.client.engine.api import ContentApi
from spool_live.client.engine.catch_up import CatchUp
from spool_live.client.engine.consumer import Consumer
from spool_live.client.engine.first_of import first_of
from spool_live.client.engine.log import UpdateLog
from spool_live.client.engine.stream import Stream
from spool_live.client.engine.supervisor import Supervisor
from spool_live.client.engine.token_source import TokenSource
from spool_live.client.engine.tokens import ChangesChannel
from spool_live.client.engine.watchdog import Watchdog
from spool_live.client.exceptions import (
    DisconnectedError,
    GivenUpError,
    InvalidCredentialsError,
    LiveUpdatesError,
)
from spool_live.client.state import ConnectionState, Phase, StateHolder

logger = logging.getLogger("spool_live.client.feed")


_Shared = dict[tuple[object, ...], "Feed"]


class Feed:
    """One socket, one log reader and one order of updates for a site.

    ``stream`` has the consumers, ``state`` the watchers, ``error`` what ended it.
    """

    _shared: WeakKeyDictionary[asyncio.AbstractEventLoop, _Shared] = WeakKeyDictionary()

    def __init__(self, config: LiveUpdatesConfig) -> None:
        timing = config.timing
        self.config = config
        self.state = StateHolder(config.site_id)
        self.stream = Stream(self.state)
        self.error: LiveUpdatesError | None = None
        self._users = 0
        self._api = ContentApi(config)
        self._tokens = TokenSource(self._api, timing)
        self._log = UpdateLog(self._api, lambda: self._tokens.current, timing)
        watchdog = Watchdog(timing)
        self._catch_up = CatchUp(
            self._log,
            self.stream,
            watchdog,
            self.state,
            timing,
            usual_interval=self._usual_interval,
            on_epoch=self._on_epoch,
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
        self._requested_epoch: int | None = None
        self._requested_at = 0.0
        self._task: asyncio.Task[None] | None = None

    @classmethod
    def acquire(cls, config: LiveUpdatesConfig) -> Feed:
        """Return the running feed of this site and key, or a new one. Call ``release`` when done.

        A new feed begins to connect in a task of the running loop. A configuration with
        ``shared=False`` always gets a feed of its own.
        """
        feeds = cls._shared.setdefault(asyncio.get_running_loop(), {})
        feed = feeds.get(_identity(config)) if config.shared else None
        if feed is None or feed.ended:
            feed = cls(config)
            if config.shared:
                feeds[_identity(config)] = feed
        feed._users += 1
        feed._start()
        return feed

    async def release(self) -> None:
        """Release the feed; the release of its last user closes it."""
        self._users -= 1
        if self._users:
            return
        feeds = self._shared.get(asyncio.get_running_loop(), {})
        if feeds.get(_identity(self.config)) is self:
            del feeds[_identity(self.config)]
        await self._stop()

    @property
    def ended(self) -> bool:
        """Whether the feed has stopped, for whatever reason."""
        return self.state.current.phase.ended

    @property
    def position(self) -> int | None:
        """The sequence number that the stream has reached; ``None`` before the first token."""
        return self.stream.position

    def consumer(
        self, config: LiveUpdatesConfig, start: int | None, *, from_start: bool
    ) -> Consumer:
        """Return a new consumer, attached to the stream.

        With ``from_start`` it begins after ``start``, or at the stream's origin if that is
        ``None``; without, at the current position of the stream.
        """
        if from_start and start is None:
            start = self.stream.origin
        consumer = Consumer(
            self._log.read,
            config.timing,
            position=start if from_start else None,
            size=config.queue_size,
            overflow=config.overflow,
            wanted=config.filter,
        )
        self.stream.attach(consumer)
        return consumer

    async def reached(self, wanted: Callable[[ConnectionState], bool]) -> ConnectionState:
        """Wait for a ``wanted`` state, and return it. Raises ``error`` if the feed ends first."""
        changed = asyncio.Event()

        def on_change(_: ConnectionState) -> None:
            """Wake up the loop below."""
            changed.set()

        self.state.watch(on_change)
        try:
            while not wanted(self.state.current):
                if self.ended:
                    raise self.error or DisconnectedError("The client is disconnected.")
                changed.clear()
                await changed.wait()
            return self.state.current
        finally:
            self.state.unwatch(on_change)

    def _start(self) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name=f"spool-live {self.config.site_id}")

    async def _stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        await self._api.aclose()

    async def _run(self) -> None:
        try:
            await first_of(self._supervisor.run(), self._catch_up.run())
        except LiveUpdatesError as error:
            logger.error("Live updates of site %s stopped: %s", self.config.site_id, error)  # noqa: TRY400  # not a bug: no traceback
            self.error = error
        except Exception as error:
            logger.exception("The live updates client stopped")
            self.error = GivenUpError(
                f"The client stopped: {error!r}. This is a bug in the client: please report it."
            )
        finally:
            self.stream.end(self.error)
            revoked = self._api.known and isinstance(self.error, InvalidCredentialsError)
            self.state.update(
                phase=Phase.REVOKED if revoked else Phase.STOPPED,
                error=None if self.error is None else str(self.error),
            )

    def _usual_interval(self) -> float:
        """Return the seconds between two catch-ups while the socket is live: fewer in
        ``postgres_changes`` mode, where the socket does not report revoked keys or lost rows."""
        token, timing = self._tokens.current, self.config.timing
        if token is not None and isinstance(token.channel, ChangesChannel):
            return min(timing.catch_up_interval, timing.catch_up_interval_changes)
        return timing.catch_up_interval

    def _on_epoch(self, epoch: int) -> None:
        """Request a new token if the log names another epoch than the token.

        Supabase may not have the new epoch yet, so the new token may still have the old one: then
        request again after ``catch_up_interval``.
        """
        token, timing, now = self._tokens.current, self.config.timing, time.monotonic()
        if token is None or epoch == token.epoch:
            return
        if epoch != self._requested_epoch or now - self._requested_at > timing.catch_up_interval:
            self._requested_epoch, self._requested_at = epoch, now
            self._tokens.request(within=timing.epoch_jitter)


def _identity(config: LiveUpdatesConfig) -> tuple[object, ...]:
    """Return what two clients must have in common to share a socket. It includes the key, because
    another key has other rights."""
    return (
        config.site_id,
        config.api_key,
        config.api_url,
        config.attempt_limit,
        config.timing,
    )
