"""Keeps one socket alive: token -> connect -> join -> catch up -> live -> (error) back off."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Sequence

from spool_live.client.engine.catch_up import CatchUp
from spool_live.client.engine.connection import (
    Doorbell,
    Lost,
    Ready,
    RealtimeConnection,
    Reauthenticate,
    Received,
)
from spool_live.client.engine.first_of import first_of
from spool_live.client.engine.stream import Stream
from spool_live.client.engine.token_source import TokenSource
from spool_live.client.engine.tokens import BroadcastChannel, RealtimeToken
from spool_live.client.engine.watchdog import Verdict, Watchdog
from spool_live.client.exceptions import (
    GivenUpError,
    RealtimeUnavailableError,
    SubscriptionRefusedError,
    TokenExpiredError,
    TransientError,
)
from spool_live.client.policy import Timing, refused_delay, retry_delay
from spool_live.client.state import Phase, StateHolder
from spool_live.client.updates import LiveUpdate

logger = logging.getLogger("spool_live.client")
wall_clock = time.time  # compared only with itself, never with a server's clock
_DELAYED = (
    "The log has updates that Realtime does not bring: its database may not answer, or the CMS "
    "delivers late. Updates come from the log every few seconds until the socket brings some."
)


class RejoinRequired(Exception):  # noqa: N818 - not an error: the token names another channel
    """Signal to leave this socket and to join with ``token``."""

    def __init__(self, token: RealtimeToken) -> None:
        super().__init__()
        self.token = token


class Supervisor:
    """Keeps a socket connected until a fatal error, which ``run`` raises."""

    def __init__(
        self,
        *,
        tokens: TokenSource,
        stream: Stream,
        catch_up: CatchUp,
        watchdog: Watchdog,
        state: StateHolder,
        timing: Timing,
        attempt_limit: int | None,
    ) -> None:
        self._tokens = tokens
        self._stream = stream
        self._catch_up = catch_up
        self._watchdog = watchdog
        self._state = state
        self._timing = timing
        self._attempt_limit = attempt_limit
        self._attempts = 0
        self._refusals = 0
        self._ready = asyncio.Event()

    async def run(self) -> None:
        """Connect, join and follow, again and again, until it raises ``ConfigurationError`` or
        ``GivenUpError``."""
        token: RealtimeToken | None = None
        while True:
            try:
                self._state.update(phase=Phase.CONNECTING)
                await self._connect_and_stay(token or await self._tokens.for_join())
            except RejoinRequired as rejoin:
                token = rejoin.token
            except TransientError as error:
                token = None
                self._record_failure(error)
                await self._back_off(error)

    async def _connect_and_stay(self, token: RealtimeToken) -> None:
        self._stream.start(token.seq)
        async with RealtimeConnection(token, self._timing) as connection:
            self._state.update(phase=Phase.JOINED)
            self._refusals = 0
            self._ready.clear()
            self._watchdog.joined()
            await first_of(
                self._receive(connection),
                self._go_live(connection),
                self._refresh_token(connection),
                self._watch(),
            )

    async def _receive(self, connection: RealtimeConnection) -> None:
        while True:
            match await connection.events.get():
                case Received(updates):
                    self._receive_updates(updates)
                case Ready():
                    self._ready.set()
                    self._catch_up.request()
                case Doorbell():
                    self._catch_up.request()
                case Reauthenticate():
                    self._tokens.request(within=self._timing.epoch_jitter)
                case Lost(error):
                    raise error

    def _receive_updates(self, updates: Sequence[LiveUpdate]) -> None:
        for update in updates:
            if update.seq is not None:
                self._watchdog.received(update.seq)
        if self._state.current.phase is Phase.DELAYED and not self._watchdog.suspicious:
            self._state.update(phase=Phase.LIVE, error=None)
            self._catch_up.reschedule()
        self._stream.receive(updates)
        if self._stream.gap_before is not None:
            self._catch_up.request()

    async def _go_live(self, connection: RealtimeConnection) -> None:
        """Set the phase to live when the server is ready and everything earlier is caught up."""
        broadcast = isinstance(connection.token.channel, BroadcastChannel)
        timing = self._timing
        try:
            async with asyncio.timeout(
                timing.ready_broadcast if broadcast else timing.ready_postgres_changes
            ):
                await self._ready.wait()
        except TimeoutError:
            if not broadcast:
                raise RealtimeUnavailableError(
                    "Realtime joined the channel but never said that changes flow: is "
                    "live_updates in the publication supabase_realtime?"
                ) from None
        await self._catch_up.complete()
        self._state.update(phase=Phase.LIVE, error=None)
        logger.info("Live updates of site %s are live", connection.token.site_id)
        self._catch_up.reschedule()
        await asyncio.sleep(timing.stable_after)
        self._attempts = 0
        self._state.update(reconnect_attempts=0)
        await asyncio.Event().wait()

    async def _refresh_token(self, connection: RealtimeConnection) -> None:
        while True:
            await self._tokens.due()
            try:
                token = await self._tokens.fetch()
            except TransientError as error:
                self._state.update(error=str(error))
                continue
            if not token.same_channel(connection.token):
                raise RejoinRequired(token)
            await connection.set_auth(token)

    async def _watch(self) -> None:
        while True:
            before, wall = time.monotonic(), wall_clock()
            await asyncio.sleep(self._timing.tick)
            if (wall_clock() - wall) - (time.monotonic() - before) > self._timing.wake:
                raise RealtimeUnavailableError("The computer was asleep.")
            if self._state.current.phase is Phase.LIVE and self._watchdog.late(time.monotonic()):
                self._state.update(phase=Phase.DELAYED, error=_DELAYED)
                self._catch_up.reschedule()
            match self._watchdog.verdict(time.monotonic()):
                case Verdict.RENEW_TOKEN:
                    self._tokens.request()
                case Verdict.RECONNECT:
                    raise RealtimeUnavailableError(
                        "The log has updates which the socket does not bring."
                    )

    def _record_failure(self, error: TransientError) -> None:
        """Count the failed attempt. Raises ``GivenUpError`` beyond ``attempt_limit``."""
        if isinstance(error, TokenExpiredError) and not self._tokens.refused_as_expired():
            error.add_note("The clocks of the CMS and of Supabase differ: check NTP on both.")
        self._refusals = self._refusals + 1 if isinstance(error, SubscriptionRefusedError) else 0
        self._attempts += 1
        if self._attempt_limit is not None and self._attempts > self._attempt_limit:
            raise GivenUpError(
                f"No connection after {self._attempt_limit} attempts; live updates are off. "
                f"Connect again (restart your development server). The last error: {error}"
            ) from error

    async def _back_off(self, error: TransientError) -> None:
        self._state.update(
            phase=Phase.BACKING_OFF,
            reconnect_attempts=self._attempts,
            error=" ".join([str(error), *getattr(error, "__notes__", ())]),
        )
        self._catch_up.reschedule()
        if self._refusals:
            delay = refused_delay(self._refusals, self._timing)
        else:
            delay = retry_delay(self._attempts, error.retry_after, self._timing, random.random)
        logger.info(
            "Live updates reconnect in %.1f s, attempt %d: %s", delay, self._attempts, error
        )
        await asyncio.sleep(delay)
