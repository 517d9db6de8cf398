"""One socket with one channel, built on the official ``realtime`` client; opened only once.

The official client retries with stale tokens, stops when a callback raises, and reports SUBSCRIBED
too early. So its own reconnecting is switched off, its callbacks do nothing but put a small event
into ``events``, and the supervisor discards the whole connection after any error.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from realtime import (
    AsyncRealtimeChannel,
    AsyncRealtimeClient,
    RealtimeChannelConfig,
    RealtimeSubscribeStates,
)
from websockets.exceptions import ConnectionClosed, InvalidStatus

from spool_live.client.engine.first_of import first_of
from spool_live.client.engine.refusals import channel_error, handshake_error
from spool_live.client.engine.tokens import BroadcastChannel, ChangesChannel, RealtimeToken
from spool_live.client.exceptions import RealtimeUnavailableError, TransientError
from spool_live.client.policy import Timing
from spool_live.client.updates import LiveUpdate

MAX_EVENTS = 10_000
_READY = {"Subscribed to PostgreSQL", "Replication connection established"}


class _WithoutContent(logging.Filter):
    """Filter that keeps content out of the logs: the library logs every frame it cannot read."""

    def filter(self, record: logging.LogRecord) -> bool:
        if str(record.msg).startswith("Unrecognized message format"):
            record.msg, record.args = "A Realtime frame the library cannot read was dropped", ()
        return True


logging.getLogger("realtime._async.client").addFilter(_WithoutContent())


@dataclass(frozen=True, slots=True)
class Ready:
    """The server reports that changes are delivered from now on; it may repeat this."""


@dataclass(frozen=True, slots=True)
class Received:
    """Updates, as the server sent them."""

    updates: tuple[LiveUpdate, ...]


@dataclass(frozen=True, slots=True)
class Doorbell:
    """Something arrived that cannot be read: it has to be read from the log."""


@dataclass(frozen=True, slots=True)
class Reauthenticate:
    """The site moves to another epoch: fetch a new token."""


@dataclass(frozen=True, slots=True)
class Lost:
    """The connection cannot be used any more, because of ``error``."""

    error: TransientError


ConnectionEvent = Ready | Received | Doorbell | Reauthenticate | Lost


class RealtimeConnection:
    """``async with RealtimeConnection(token, timing) as connection:`` connects and joins.

    Raises ``RealtimeUnavailableError``, ``SubscriptionRefusedError``, ``TokenExpiredError`` or
    ``RateLimitedError`` if that fails; a later failure comes as a ``Lost`` event.
    """

    def __init__(self, token: RealtimeToken, timing: Timing) -> None:
        self.token = token
        self.events: asyncio.Queue[ConnectionEvent] = asyncio.Queue(MAX_EVENTS)
        self._timing = timing
        self._lost: TransientError | None = None
        self._ended = asyncio.Event()
        self._client = AsyncRealtimeClient(
            f"{token.supabase_url}/realtime/v1",
            token=token.supabase_key,
            auto_reconnect=False,
            max_retries=1,
            timeout=max(1, round(timing.join)),
        )

    async def __aenter__(self) -> RealtimeConnection:
        try:
            await self._open()
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(self, kind: object, error: object, traceback: object) -> None:
        await self._close()

    async def set_auth(self, token: RealtimeToken) -> None:
        """Send a fresh token to the server; a different one also revives a dead subscription."""
        self.token = token
        await self._client.set_auth(token.jwt)

    async def ping(self) -> float:
        """Return the seconds that a ping takes to Realtime and back."""
        socket = getattr(self._client, "_ws_connection", None)  # the library has no ping
        if socket is None:
            raise RealtimeUnavailableError("The Realtime connection was closed.")
        try:
            async with asyncio.timeout(self._timing.request):
                seconds: float = await (await socket.ping())
        except (TimeoutError, ConnectionClosed) as error:
            raise RealtimeUnavailableError("Realtime does not answer a ping.") from error
        return seconds

    async def _open(self) -> None:
        await self._client.set_auth(self.token.jwt)
        try:
            await self._client.connect()
        except InvalidStatus as error:
            raise handshake_error(error) from error
        except Exception as error:
            raise RealtimeUnavailableError(
                f"Supabase Realtime at {self.token.supabase_url} cannot be reached "
                f"({type(error).__name__}){_proxy_hint(self.token.supabase_url)}. Updates come by "
                "polling until it is back."
            ) from error
        self._watch_listener()
        await first_of(self._bind().subscribe(self._on_status), self._ended.wait())
        if self._lost is not None:
            raise self._lost

    def _bind(self) -> AsyncRealtimeChannel:
        channel = self.token.channel
        if isinstance(channel, BroadcastChannel):
            config = RealtimeChannelConfig(
                broadcast={"ack": False, "self": False, "replication_ready": True},
                presence={"key": "", "enabled": False},
                private=channel.private,
            )
            bound = self._client.channel(channel.topic, {"config": config})
            bound.on_broadcast(channel.event, self._on_broadcast)
            bound.on_broadcast("reauthenticate", lambda _: self._emit(Reauthenticate()))
        else:
            bound = self._client.channel(channel.topic)
            self._bind_changes(bound, channel)
        return bound.on_system(self._on_system)

    def _bind_changes(self, bound: AsyncRealtimeChannel, channel: ChangesChannel) -> None:
        bound.on_postgres_changes(
            channel.event,  # type: ignore[arg-type]  # its enum is a str
            self._on_change,
            table=channel.table,
            schema=channel.schema,
            filter=channel.filter,
        )

    def _watch_listener(self) -> None:
        """Watch the library's listening task, which may end while the rest of it goes on."""
        listener: asyncio.Task[None] | None = getattr(self._client, "_listen_task", None)
        if listener is not None:
            listener.add_done_callback(self._on_listener_done)

    def _emit(self, event: ConnectionEvent) -> None:
        """Queue an event. It must not raise, as it runs inside the library's listening task."""
        if isinstance(event, Lost):
            self._lost = self._lost or event.error
            self._ended.set()
        if self.events.full():
            self._make_room()
        self.events.put_nowait(event)

    def _make_room(self) -> None:
        """Replace all queued updates by one ``Doorbell``: the log has them. Keep other events."""
        waiting = [self.events.get_nowait() for _ in range(self.events.qsize())]
        for event in dict.fromkeys(Doorbell() if isinstance(e, Received) else e for e in waiting):
            self.events.put_nowait(event)

    def _on_listener_done(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            reason = f"The Realtime listener stopped with {type(error).__name__}."
        else:
            reason = "The Realtime connection was closed."
        self._emit(Lost(RealtimeUnavailableError(reason)))

    def _on_status(self, status: RealtimeSubscribeStates, error: Exception | None) -> None:
        if status is not RealtimeSubscribeStates.SUBSCRIBED:
            self._emit(Lost(channel_error(status.value, error)))

    def _on_system(self, payload: Any) -> None:
        if payload.message in _READY:
            self._emit(Ready())

    def _on_broadcast(self, payload: Any) -> None:
        self._emit(_received(payload["payload"].get("changes")))

    def _on_change(self, payload: Any) -> None:
        self._emit(_received([payload["data"].get("record")]))

    async def _close(self) -> None:
        """Close within ``timing.close`` seconds, and cancel all timers of the library."""
        for channel in self._client.get_channels():
            channel.rejoin_timer.reset()
            for push in (channel.join_push, *channel.messages_waiting_for_ack.values()):
                push.destroy()
        socket = getattr(self._client, "_ws_connection", None)  # close() clears it first
        try:
            async with asyncio.timeout(self._timing.close):
                await self._client.close()
        except TimeoutError:
            if socket is not None:
                socket.transport.abort()
            await self._client.close()  # the socket is closed: this ends the tasks


def _proxy_hint(url: str) -> str:
    """Return a hint at the environment's proxies, which the libraries use without mentioning it."""
    if not getproxies() or proxy_bypass(urlsplit(url).netloc):
        return ""
    return " through the proxy of this machine's settings (check HTTPS_PROXY and NO_PROXY)"


def _received(rows: Any) -> ConnectionEvent:
    try:
        return Received(tuple(LiveUpdate.from_wire(row) for row in rows))
    except (AttributeError, KeyError, TypeError, ValueError):
        return Doorbell()
