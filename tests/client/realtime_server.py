"""A small real server that speaks Realtime's protocol (vsn 1.0.0), so that faults can be scripted.

In place of a database it has `flowing`: while that is on, updates reach joined channels.
"""

from __future__ import annotations

import asyncio
import http
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

Frame = dict[str, Any]


@dataclass
class Joined:
    """A channel on a socket."""

    socket: ServerConnection
    topic: str
    join_ref: str
    config: Frame
    token: str


@dataclass
class RealtimeServer:
    """A server whose fields script its behaviour; it counts events."""

    flowing: bool = True
    says_ready: bool = True
    answers_joins: bool = True
    refuse_handshake: tuple[int, str] | None = None
    refuse_join: str | None = None
    accepts_token: Callable[[str, str], str | None] = lambda token, topic: None
    dead_until_new_token: bool = False
    rest: Callable[[Request], tuple[int, Any]] | None = None
    joined: list[Joined] = field(default_factory=list)
    joins: list[float] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    heard: list[tuple[str, str]] = field(default_factory=list)
    """Topics and events that clients have pushed, without heartbeats."""
    _server: Server | None = None
    port: int = 0

    async def start(self) -> None:
        self._server = await serve(
            self._handle, "127.0.0.1", self.port, process_request=self._on_request
        )
        self.port = next(iter(self._server.sockets)).getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None

    async def kill(self) -> None:
        """End all connections as SIGKILL does: without a closing handshake."""
        if self._server is not None:
            for socket in list(self._server.connections):
                socket.transport.abort()
        await self.stop()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def broadcast(self, topic: str, event: str, payload: Frame) -> None:
        """Send a broadcast, as `realtime.send` does."""
        message = {"type": "broadcast", "event": event, "payload": payload, "meta": {"id": "1"}}
        for channel in list(self.joined):
            if channel.topic == f"realtime:{topic}" and self.flowing:
                await self._send(channel.socket, channel.topic, "broadcast", message)

    async def change(self, table: str, record: Frame) -> None:
        """Send a change, as a row of the publication does."""
        for channel in list(self.joined):
            for binding in channel.config["postgres_changes"]:
                if binding["table"] == table and self.flowing:
                    data: Frame = {
                        "schema": "public",
                        "table": table,
                        "type": "INSERT",
                        "commit_timestamp": "2026-01-01T00:00:00.000Z",
                        "columns": [],
                        "record": record,
                        "errors": None,
                    }
                    payload = {"ids": [7], "data": data}
                    await self._send(channel.socket, channel.topic, "postgres_changes", payload)

    async def system(self, message: str, status: str = "ok", *, close: bool = False) -> None:
        for channel in list(self.joined):
            await self._system(channel, message, status)
            if close:
                await self._send(channel.socket, channel.topic, "phx_close", {}, channel.join_ref)
                self.joined.remove(channel)

    async def raw(self, text: str) -> None:
        for channel in list(self.joined):
            await channel.socket.send(text)

    async def close_sockets(self, code: int) -> None:
        for channel in list(self.joined):
            await channel.socket.close(code)

    def _on_request(self, connection: ServerConnection, request: Request) -> Response | None:
        path = urlsplit(request.path)
        if path.path.startswith("/rest/v1/") and self.rest is not None:
            status, body = self.rest(request)
            return _json(status, body)
        if self.refuse_handshake is not None:
            return _json(self.refuse_handshake[0], {"error": self.refuse_handshake[1]})
        if "apikey" not in parse_qs(path.query):
            return _json(401, {"error": "API key is missing"})
        return None

    async def _handle(self, socket: ServerConnection) -> None:
        try:
            async for text in socket:
                await self._on_frame(socket, json.loads(text))
        except ConnectionClosed:
            pass
        finally:
            self.joined = [channel for channel in self.joined if channel.socket is not socket]

    async def _on_frame(self, socket: ServerConnection, frame: Frame) -> None:
        topic, ref, payload = frame["topic"], frame["ref"], frame["payload"]
        if topic != "phoenix":
            self.heard.append((topic, frame["event"]))
        match frame["event"]:
            case "heartbeat" | "phx_leave":
                await self._reply(socket, topic, ref, "ok", {})
            case "phx_join":
                await self._join(socket, topic, ref, payload)
            case "access_token":
                await self._new_token(topic, payload["access_token"])

    async def _join(self, socket: ServerConnection, topic: str, ref: str, payload: Frame) -> None:
        self.joins.append(asyncio.get_running_loop().time())
        token = payload["access_token"]
        self.tokens.append(token)
        refusal = self.refuse_join or self.accepts_token(token, topic)
        if refusal:
            await self._reply(socket, topic, ref, "error", {"reason": refusal})
            return
        if not self.answers_joins:
            return
        config = payload["config"]
        bindings = [binding | {"id": 7} for binding in config["postgres_changes"]]
        channel = Joined(socket, topic, ref, config, token)
        before = [old for old in self.joined if (old.socket, old.topic) == (socket, topic)]
        self.joined = [old for old in self.joined if old not in before] + [channel]
        await self._reply(socket, topic, ref, "ok", {"postgres_changes": bindings})
        for old in before:  # the new reply first, then the old one's end
            await self._send(socket, topic, "phx_close", {}, old.join_ref)
        await self._say_ready(channel)

    async def _say_ready(self, channel: Joined) -> None:
        if not self.says_ready:
            return
        if channel.config["postgres_changes"]:
            await self._system(channel, "Subscribed to PostgreSQL", extension="postgres_changes")
        elif (channel.config["broadcast"] or {}).get("replication_ready"):
            await self._system(channel, "Replication connection established")

    async def _new_token(self, topic: str, token: str) -> None:
        for channel in list(self.joined):
            if channel.topic == topic and channel.token != token:
                channel.token = token
                self.tokens.append(token)
                if self.dead_until_new_token:
                    self.dead_until_new_token, self.flowing = False, True
                await self._say_ready(channel)

    async def _system(
        self, channel: Joined, message: str, status: str = "ok", extension: str = "system"
    ) -> None:
        payload = {
            "channel": channel.topic.removeprefix("realtime:"),
            "extension": extension,
            "status": status,
            "message": message,
        }
        await self._send(channel.socket, channel.topic, "system", payload)

    async def _reply(
        self, socket: ServerConnection, topic: str, ref: str | None, status: str, response: Frame
    ) -> None:
        payload = {"status": status, "response": response}
        await self._send(socket, topic, "phx_reply", payload, ref)

    async def _send(
        self,
        socket: ServerConnection,
        topic: str,
        event: str,
        payload: Frame,
        ref: str | None = None,
    ) -> None:
        with suppress(ConnectionClosed):
            frame = {"topic": topic, "event": event, "payload": payload, "ref": ref}
            await socket.send(json.dumps(frame))


def _json(status: int, body: Any) -> Response:
    content = json.dumps(body).encode()
    headers = Headers(
        {
            "Content-Type": "application/json",
            "Content-Length": str(len(content)),
            "Connection": "close",
        }
    )
    return Response(status, http.HTTPStatus(status).phrase, headers, content)


@asynccontextmanager
async def running_realtime() -> AsyncIterator[RealtimeServer]:
    server = RealtimeServer()
    await server.start()
    try:
        yield server
    finally:
        await server.stop()
