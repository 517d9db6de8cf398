"""One joined channel: what it sends and receives, and how long its token lasts."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from typing import Any, Protocol

import orjson
import psycopg

from spool_live.local.realtime.admission import (
    NO_DATABASE,
    AccessDeniedError,
    Admission,
    authorize,
)
from spool_live.local.realtime.broadcasts import TOO_MANY_MESSAGES, broadcast_from_client
from spool_live.local.realtime.hub import Extension, Room
from spool_live.local.realtime.protocol import (
    Binary,
    Broadcast,
    Encoded,
    Frame,
    Message,
    Ref,
    Serializer,
)
from spool_live.local.realtime.services import Services
from spool_live.local.realtime.subscriptions import SubscribeError
from spool_live.local.realtime.tokens import TokenRefusedError, expired, verify_token

_LONGEST_TIMER = 300.0
_RETRY_SUBSCRIBE_AFTER = 1.0


class Connection(Protocol):
    """The socket, seen from its channels."""

    @property
    def serializer(self) -> Serializer: ...

    @property
    def headers(self) -> Mapping[str, str]:
        """The ``x-`` headers of the upgrade, for policies."""
        ...

    def send(self, frame: Frame) -> None: ...

    def forget(self, channel: Channel) -> None:
        """Remove a channel that is closed."""
        ...


class Channel:
    """A topic that one socket has joined. Created by a successful join, then ``open``."""

    def __init__(
        self, services: Services, connection: Connection, join: Message, admission: Admission
    ) -> None:
        self.topic = join.topic
        self.join_ref: Ref = join.join_ref if join.join_ref is not None else join.ref
        self._services = services
        self._connection = connection
        self._name = admission.topic
        self._request = admission.request
        self._room = Room(admission.topic, admission.request.private)
        self._token = admission.token
        self._identity = admission.identity
        self._access = admission.access
        self._missed = dict(admission.missed)
        self._presence_key = admission.request.presence_key or f"{id(self):x}"
        self._tasks: set[asyncio.Task[None]] = set()
        self._subscribing: asyncio.Task[None] | None = None
        self._expiry: asyncio.TimerHandle | None = None
        self._closed = False

    def open(self) -> None:
        """Reply to the join, then begin to deliver."""
        self._services.dormancy.wake()
        self.reply({"postgres_changes": list(self._request.bindings)}, self.join_ref)
        for broadcast in self._missed.values():
            self.send_encoded(Encoded(broadcast))
        self._services.hub.enter(self._room, self)
        self._watch_expiry()
        if self._request.presence_enabled and "presence" in self._access.readable:
            self._push("presence_state", self._services.presences.state(self._room))
        if self._request.replication_ready:
            self._start(self._send_replication_ready())
        self._subscribe_after(0.0)

    def close(self) -> None:
        """Stop delivering, without a message to the client."""
        if self._closed:
            return
        self._closed = True
        for task in self._tasks:
            task.cancel()
        if self._expiry is not None:
            self._expiry.cancel()
        self._services.subscriptions.unsubscribe(self)
        self._services.hub.leave(self._room, self)
        self._untrack()
        self._connection.forget(self)

    async def handle(self, message: Message) -> None:
        """Act on what the client pushed; unknown events are ignored."""
        payload = message.payload
        match message.event:
            case "phx_leave":
                self.reply({}, message.ref)
                self._close_with_message()
            case "access_token" if isinstance(payload, dict):
                await self._refresh(payload.get("access_token"))
            case "broadcast":
                await self._broadcast(message)
            case "presence" if isinstance(payload, dict):
                await self._presence(message, str(payload.get("event", "")).lower())

    def reply(self, response: Any, ref: Ref, status: str = "ok") -> None:
        """Answer the push that has this ``ref``."""
        payload = {"status": status, "response": response}
        self._send(Message(self.topic, "phx_reply", payload, ref, self.join_ref))

    def deliver(self, encoded: Encoded, extension: Extension, message_id: str | None) -> None:
        """See ``Member``. A message that was replayed is not sent again."""
        if extension in self._access.readable and message_id not in self._missed:
            self.send_encoded(encoded)

    def overrun(self) -> None:
        """See ``Member``."""
        self._shut(TOO_MANY_MESSAGES)

    def send_encoded(self, encoded: Encoded) -> None:
        """Send a frame that other sockets may get, too, if this socket's format can carry it."""
        frame = encoded.frame(self._connection.serializer)
        if frame is not None and not self._closed:
            self._connection.send(frame)

    async def resubscribe(self) -> None:
        """See ``ChangesSubscriber``."""
        self._subscribe_after(0.0)

    async def _refresh(self, token: object) -> None:
        """Take a new token. It is verified and authorised at once; its claims decide a little later
        (``Penalties.claims_swap``)."""
        if not isinstance(token, str) or token == self._token or token.startswith("sb_"):
            return
        services = self._services
        try:
            identity = verify_token(token, services.config.token_keys, services.now())
            access = await authorize(
                services, self._name, self._request, identity, self._connection.headers
            )
        except TokenRefusedError as error:
            self._shut(error.at_refresh)
        except AccessDeniedError as error:
            self._shut(str(error))
        except psycopg.Error:
            self._shut(NO_DATABASE)
        else:
            if self._access.readable - access.readable:
                self._shut(
                    f"You no longer have permission to read from this Channel topic: {self._name}"
                )
                return
            services.dormancy.wake()
            self._token, self._identity, self._access = token, identity, access
            self._watch_expiry()
            self._subscribe_after(services.config.penalties.claims_swap)

    async def _broadcast(self, message: Message) -> None:
        if not await self._may_write("broadcast"):
            return
        if _size(message.payload) > self._services.options.max_broadcast_bytes:
            if self._request.acknowledge:
                self.reply("payload_size_exceeded", message.ref, "error")
            return
        content = message.payload
        if not isinstance(content, Broadcast):
            content = Message(self.topic, "broadcast", content)
        sender = None if self._request.to_self else self
        await broadcast_from_client(
            self._services.hub, self._services.messages, self._room, Encoded(content), sender
        )
        if self._request.acknowledge:
            self.reply({}, message.ref)

    async def _presence(self, message: Message, event: str) -> None:
        if event == "untrack":
            self._untrack()
        elif event != "track" or not await self._may_write("presence"):
            self.reply({}, message.ref, "error")
            return
        else:
            payload = message.payload.get("payload", {})
            if not isinstance(payload, dict):
                self.reply({"reason": "Presence track payload must be a map"}, message.ref, "error")
                return
            diff = self._services.presences.track(self._room, self, self._presence_key, payload)
            self._send_diff(diff)
        self.reply({}, message.ref)

    async def _may_write(self, extension: Extension) -> bool:
        """Return whether the policies allow writing. They are asked once per token; a refusal is
        silent."""
        if extension not in self._access.writable:
            try:
                allowed = await self._services.policies.writable(
                    self._name, self._identity, self._connection.headers, extension
                )
            except psycopg.Error:
                return False
            self._access.writable[extension] = allowed
        return self._access.writable[extension]

    async def _send_replication_ready(self) -> None:
        await self._services.streaming.wait()
        self._system("ok", "Replication connection established", "system")

    def _subscribe_after(self, delay: float) -> None:
        if self._subscribing is not None:
            self._subscribing.cancel()
        if self._request.bindings:
            self._subscribing = self._start(self._subscribe(delay))

    async def _subscribe(self, delay: float) -> None:
        """Subscribe with the present claims. Until it succeeds, the claims of the last subscription
        decide."""
        await asyncio.sleep(delay)
        services = self._services
        while True:
            await services.streaming.wait()
            try:
                await services.subscriptions.subscribe(self, self._request.bindings, self._identity)
            except SubscribeError as error:
                self._system("error", str(error), "postgres_changes")
            except psycopg.OperationalError:
                await asyncio.sleep(_RETRY_SUBSCRIBE_AFTER)
                continue
            else:
                self._system("ok", "Subscribed to PostgreSQL", "postgres_changes")
            return

    def _watch_expiry(self) -> None:
        """Close the channel at the token's ``exp``. Timers are short, as long ones may be late."""
        if self._expiry is not None:
            self._expiry.cancel()
        remaining = self._identity.expires_at - self._services.now()
        if remaining <= 0:
            self._shut(expired(self._identity.expires_at, self._services.now()).at_refresh)
        elif not self._closed:
            loop = asyncio.get_running_loop()
            self._expiry = loop.call_later(min(remaining, _LONGEST_TIMER), self._watch_expiry)

    def _untrack(self) -> None:
        self._send_diff(self._services.presences.untrack(self._room, self))

    def _send_diff(self, diff: Any) -> None:
        if diff is not None:
            self._services.hub.send_presence(
                self._room, Encoded(Message(self.topic, "presence_diff", diff))
            )

    def _shut(self, reason: str) -> None:
        self._system("error", reason, "system")
        self._close_with_message()

    def _close_with_message(self) -> None:
        self._send(Message(self.topic, "phx_close", {}, self.join_ref, self.join_ref))
        self.close()

    def _system(self, status: str, text: str, extension: str) -> None:
        payload = {"message": text, "status": status, "extension": extension}
        self._push("system", {**payload, "channel": self._name})

    def _push(self, event: str, payload: Any) -> None:
        self._send(Message(self.topic, event, payload, None, self.join_ref))

    def _send(self, message: Message) -> None:
        if not self._closed:
            self._connection.send(self._connection.serializer.encode(message))

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _size(payload: Any) -> int:
    """Return the size in bytes of a client's broadcast."""
    content = payload.payload if isinstance(payload, Broadcast) else payload
    return len(content.content if isinstance(content, Binary) else orjson.dumps(content))
