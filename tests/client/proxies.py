"""Simulated network faults: one proxy for bytes, one for Realtime's frames."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import random
from typing import Any
from urllib.parse import urlsplit

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.http11 import Request, Response

Frame = dict[str, Any]
ABNORMAL = 1006
quiet = logging.getLogger(__name__)
quiet.setLevel(logging.INFO)  # websockets' own would log the headers of what is forwarded


class TcpProxy:
    """A proxy that forwards bytes: at once, later (`delay`), or not at all (`freeze`, `refuse`).

    With `answer` it is a gateway that answers itself.
    """

    def __init__(self, target: str) -> None:
        parts = urlsplit(target)
        self._target = (parts.hostname, parts.port)
        self._path = parts.path
        self._server: asyncio.Server | None = None
        self._links: set[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = set()
        self._refusing = False
        self._thawed = asyncio.Event()
        self._thawed.set()
        self._answer: bytes | None = None
        self.delay = 0.0
        self.answered = 0
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{self._path}"

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def refuse(self) -> None:
        """Close present and future connections.

        (It goes on listening: asyncio's server leaks what it accepts while it is being closed.)
        """
        self._refusing = True
        self.abort()

    def answer(self, status: int, kind: str, body: bytes) -> None:
        """Answer every HTTP request with this from now on."""
        head = f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
        self._answer = f"{head}Connection: close\r\n\r\n".encode() + body
        self.abort()

    def heal(self) -> None:
        """Forward again."""
        self._refusing = False
        self._answer = None
        self.delay = 0.0
        self._thawed.set()

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        self.heal()
        self.abort()

    def abort(self) -> None:
        """Reset every connection."""
        for link in list(self._links):
            for writer in link:
                writer.transport.abort()

    def half_close(self) -> None:
        """Half-close every connection: send its end to the client, but go on reading."""
        for downstream, _ in list(self._links):
            with contextlib.suppress(OSError, RuntimeError):
                downstream.write_eof()

    def freeze(self) -> None:
        """Keep all connections, forward nothing: a server that looks alive."""
        self._thawed.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._refusing:
            writer.transport.abort()
            return
        if self._answer is not None:
            await self._answer_itself(self._answer, reader, writer)
            return
        try:
            there, back = await self._open(reader, writer)
        except OSError:
            writer.transport.abort()
            return
        link = (writer, back)
        self._links.add(link)
        pumps = [
            asyncio.ensure_future(self._pump(reader, back)),
            asyncio.ensure_future(self._pump(there, writer)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            self._links.discard(link)
            for end in link:
                end.transport.abort()

    async def _answer_itself(
        self, content: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            self.answered += 1
            writer.write(content)
            await writer.drain()
        writer.close()

    async def _open(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """The connection to forward to."""
        return await asyncio.open_connection(*self._target)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, RuntimeError):
            while data := await reader.read(65536):
                if self.delay:
                    await asyncio.sleep(self.delay)
                await self._thawed.wait()
                writer.write(data)
                await writer.drain()


class ConnectProxy(TcpProxy):
    """A forward proxy, as in company networks: the client names the server to connect with."""

    def __init__(self) -> None:
        super().__init__("http://nobody:0")

    async def _open(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        method, target, _ = (await reader.readuntil(b"\r\n\r\n")).decode().split(" ", 2)
        assert method == "CONNECT"
        host, _, port = target.partition(":")
        streams = await asyncio.open_connection(host, int(port))
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        return streams


class FrameProxy:
    """A proxy of Realtime's frames that loses, repeats and reorders broadcasts by the given
    odds."""

    def __init__(self, target: str, rand: random.Random) -> None:
        self._target = target
        self._rand = rand
        self._server: Server | None = None
        self._closing: list[asyncio.Future[None]] = []
        self._topics: dict[ServerConnection, dict[str, str]] = {}
        self.lose = 0.0
        self.repeat = 0.0
        self.reorder = 0.0
        self.port = 0
        self.mangled = 0
        self.forwarded = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        self._server = await serve(
            self._serve,
            "127.0.0.1",
            self.port,
            process_request=self._on_request,
            logger=quiet,
        )
        self.port = next(iter(self._server.sockets)).getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def close_all(self, code: int) -> None:
        """Begin to close; the peers may never answer. 1006 is an end without a close frame."""
        if code == ABNORMAL:
            for connection in list(self._topics):
                connection.transport.abort()
            return
        self._closing = [
            asyncio.ensure_future(connection.close(code)) for connection in list(self._topics)
        ]

    async def end_channels(self, message: str) -> None:
        """Send what Realtime sends for an expired token or a rate limit: `system`, then
        `phx_close`."""
        for connection, topics in list(self._topics.items()):
            for topic, join_ref in list(topics.items()):
                payload = {
                    "channel": topic.removeprefix("realtime:"),
                    "extension": "system",
                    "status": "error",
                    "message": message,
                }
                await _send(connection, topic, "system", payload, None)
                await _send(connection, topic, "phx_close", {}, join_ref)

    async def _on_request(self, connection: ServerConnection, request: Request) -> Response | None:
        if request.path.startswith("/realtime/"):
            return None
        names = ("apikey", "Authorization")
        headers = {name: request.headers[name] for name in names if name in request.headers}
        async with httpx.AsyncClient() as http:
            try:
                answer = await http.get(f"{self._target}{request.path}", headers=headers)
            except httpx.HTTPError:
                return Response(502, "Bad Gateway", Headers({"Content-Length": "0"}), b"")
        content = Headers(
            {"Content-Type": "application/json", "Content-Length": str(len(answer.content))}
        )
        return Response(answer.status_code, answer.reason_phrase, content, answer.content)

    async def _serve(self, downstream: ServerConnection) -> None:
        assert downstream.request is not None
        address = self._target.replace("http", "ws", 1) + downstream.request.path
        self._topics[downstream] = {}
        try:
            async with connect(address, logger=quiet) as upstream:
                await self._forward(downstream, upstream)
        except (OSError, InvalidStatus, ConnectionClosed):
            downstream.transport.abort()
        finally:
            del self._topics[downstream]

    async def _forward(self, downstream: ServerConnection, upstream: ClientConnection) -> None:
        pumps = [
            asyncio.ensure_future(self._up(downstream, upstream)),
            asyncio.ensure_future(self._down(upstream, downstream)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
        if upstream.close_code is not None:
            code = upstream.close_code
            if code == ABNORMAL:
                downstream.transport.abort()
            else:
                await downstream.close(code)

    async def _up(self, downstream: ServerConnection, upstream: ClientConnection) -> None:
        async for frame in downstream:
            event, topic, ref = _read(frame)
            if event == "phx_join":
                self._topics[downstream][topic] = ref
            await upstream.send(frame)

    async def _down(self, upstream: ClientConnection, downstream: ServerConnection) -> None:
        held: str | bytes | None = None
        async for frame in upstream:
            if _read(frame)[0] not in {"broadcast", "postgres_changes"}:
                await downstream.send(frame)
                continue
            if held is None and self._happens(self.reorder):
                held = frame
                continue
            if not self._happens(self.lose):
                self.forwarded += 1
                await downstream.send(frame)
            if self._happens(self.repeat):
                await downstream.send(frame)
            if held is not None:
                await downstream.send(held)
                held = None

    def _happens(self, odds: float) -> bool:
        happens = self._rand.random() < odds
        self.mangled += happens
        return happens


async def _send(
    connection: ServerConnection, topic: str, event: str, payload: Frame, ref: str | None
) -> None:
    assert connection.request is not None
    frame: Any = {"topic": topic, "event": event, "payload": payload, "ref": ref}
    if "vsn=2" in connection.request.path:
        frame = [ref, ref, topic, event, payload]
    with contextlib.suppress(ConnectionClosed):
        await connection.send(json.dumps(frame))


def _read(frame: str | bytes) -> tuple[str, str, str]:
    """Event, topic and ref of a frame of either version; binary ones are broadcasts."""
    if isinstance(frame, bytes):
        return "broadcast", "", ""
    content = json.loads(frame)
    if isinstance(content, list):
        _, ref, topic, event, _ = content
        return event, topic, ref
    return content["event"], content["topic"], content["ref"]
