"""A minimal WebSocket client, of which one process can hold thousands."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any, cast

_PING = 0x89
_HEARTBEAT = b'{"topic":"phoenix","event":"heartbeat","payload":{},"ref":"0"}'


class Listener(asyncio.Protocol):
    """A socket that joins, then calls ``on_text`` with every text. ``join`` is the message as
    JSON."""

    def __init__(self, request: bytes, join: bytes, on_text: Callable[[bytes], None]) -> None:
        self._request = request
        self._join = join
        self._on_text = on_text
        self._received = b""
        self._open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if not self._open:
            head, end, self._received = self._received.partition(b"\r\n\r\n")
            if not end:
                self._received = head
                return
            assert b" 101 " in head, head
            self._open = True
            size = len(self._join).to_bytes(2, "big")
            self.transport.write(b"\x81\xfe" + size + bytes(4) + self._join)
        while (frame := self._next_frame()) is not None:
            kind, content = frame
            if kind == _PING:
                size = (0x80 | len(content)).to_bytes(1, "big")
                self.transport.write(b"\x8a" + size + bytes(4) + content)
            else:
                self._on_text(content)

    def beat(self) -> None:
        """Send a heartbeat."""
        size = (0x80 | len(_HEARTBEAT)).to_bytes(1, "big")
        self.transport.write(b"\x81" + size + bytes(4) + _HEARTBEAT)

    def _next_frame(self) -> tuple[int, bytes] | None:
        buffer = self._received
        if len(buffer) < 2:
            return None
        size, start = buffer[1], 2
        if size >= 126:
            start = 4 if size == 126 else 10
            size = int.from_bytes(buffer[2:start], "big")
        if len(buffer) < start or len(buffer) < start + size:
            return None
        self._received = buffer[start + size :]
        return buffer[0], buffer[start : start + size]


def upgrade_request(host: str, publishable_key: str) -> bytes:
    """Return the HTTP request that opens a socket of ``vsn=1.0.0``."""
    return (
        f"GET /realtime/v1/websocket?apikey={publishable_key} HTTP/1.1\r\n"
        f"Host: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    ).encode()


def join_message(topic: str, token: str, config: dict[str, Any]) -> bytes:
    """Return the ``phx_join`` of a topic, named without its ``realtime:`` prefix."""
    message = {"topic": f"realtime:{topic}", "event": "phx_join", "ref": "1", "join_ref": "1"}
    payload = {"config": config, "access_token": token}
    return json.dumps({**message, "payload": payload}).encode()
