"""A raw client of either format: what is on the wire, and nothing that a library adds."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import jwt
import websockets

from tests.local.realtime.serving import Serving

PATIENCE = 15.0
"""Seconds after which a frame that has not come will not come."""


def mint(serving: Serving, lifetime: float = 3600, **claims: Any) -> str:
    """A token for role ``authenticated``; a claim of None is left out."""
    now = int(time.time())
    content = {"iat": now, "exp": int(now + lifetime), "role": "authenticated"} | claims
    content = {name: value for name, value in content.items() if value is not None}
    return jwt.encode(content, serving.config.jwt_secret, algorithm="HS256")


def binding(table: str, event: str = "*", **more: Any) -> dict[str, Any]:
    """An entry of ``postgres_changes`` for a table in ``public``."""
    return {"event": event, "schema": "public", "table": table, **more}


class Wire:
    """One socket. Frames of both formats are seen as ``{topic, event, payload, ref, ...}``."""

    def __init__(self, connection: websockets.ClientConnection, vsn: str) -> None:
        self.connection = connection
        self.vsn = vsn
        self._ref = 0

    async def send(self, event: str, payload: Any, topic: str, **refs: Any) -> str:
        """Push a message; returns its ref."""
        self._ref += 1
        message = {"ref": str(self._ref), "join_ref": None, **refs}
        if self.vsn == "1.0.0":
            frame: Any = {"event": event, "payload": payload, "topic": topic, **message}
        else:
            frame = [message["join_ref"], message["ref"], topic, event, payload]
        await self.connection.send(json.dumps(frame))
        return str(message["ref"])

    async def join(self, topic: str, token: str | None = None, **config: Any) -> dict[str, Any]:
        """Join ``realtime:<topic>`` and return the reply's payload."""
        payload: dict[str, Any] = {"config": config}
        if token is not None:
            payload["access_token"] = token
        ref = str(self._ref + 1)
        await self.send("phx_join", payload, f"realtime:{topic}", join_ref=ref)
        reply = await self.expect("phx_reply")
        assert reply["ref"] == ref
        return dict(reply["payload"])

    async def subscribe(self, topic: str, token: str, *bindings: dict[str, Any]) -> None:
        """Join with bindings and wait until they are live."""
        reply = await self.join(topic, token, postgres_changes=list(bindings))
        assert reply["status"] == "ok", reply
        system = await self.expect("system")
        assert system["payload"]["message"] == "Subscribed to PostgreSQL", system

    async def receive(self) -> dict[str, Any]:
        """The next frame."""
        frame = await asyncio.wait_for(self.connection.recv(), PATIENCE)
        if isinstance(frame, bytes):
            return _decode_binary(frame)
        content = json.loads(frame)
        if isinstance(content, list):
            names = ("join_ref", "ref", "topic", "event", "payload")
            return dict(zip(names, content, strict=True))
        return dict(content)

    async def expect(self, event: str) -> dict[str, Any]:
        """The next frame, which must be of this event."""
        frame = await self.receive()
        assert frame["event"] == event, frame
        return frame

    async def change(self) -> dict[str, Any]:
        """The ``data`` of the next frame, which must be a change."""
        return dict((await self.expect("postgres_changes"))["payload"]["data"])

    async def records(self, count: int) -> list[int]:
        """The ids of the next rows."""
        return [(await self.change())["record"]["id"] for _ in range(count)]

    async def quiet(self) -> None:
        """Prove that nothing is waiting: the answer to a heartbeat is the next frame."""
        ref = await self.send("heartbeat", {}, "phoenix")
        frame = await self.receive()
        assert (frame["topic"], frame["ref"]) == ("phoenix", ref), frame

    async def closed(self, within: float = PATIENCE) -> int:
        """The close code that the server sends."""
        try:
            async with asyncio.timeout(within):
                while True:
                    await self.connection.recv()
        except websockets.ConnectionClosed as error:
            return 1006 if error.rcvd is None else error.rcvd.code


def _decode_binary(frame: bytes) -> dict[str, Any]:
    assert frame[0] == 4, "the server sends binary frames of kind 4 only"
    fields: list[str] = []
    position = 5
    for size in frame[1:4]:
        fields.append(frame[position : position + size].decode())
        position += size
    topic, event, meta = fields
    content = frame[position:]
    payload = {
        "type": "broadcast",
        "event": event,
        "payload": json.loads(content) if frame[4] == 1 else content,
    }
    if meta:
        payload["meta"] = json.loads(meta)
    return {"binary": True, "topic": topic, "event": "broadcast", "ref": None, "payload": payload}


@asynccontextmanager
async def connect(
    serving: Serving,
    apikey: str | None = None,
    vsn: str = "1.0.0",
    host: str | None = None,
    **options: Any,
) -> AsyncIterator[Wire]:
    """A socket opened with ``apikey`` (default: the publishable key), to a server that is called
    ``host``."""
    config = serving.config
    key = config.publishable_key if apikey is None else apikey
    address = f"{host or config.host}:{config.port}"
    url = f"ws://{address}/realtime/v1/websocket?apikey={key}&vsn={vsn}"
    async with websockets.connect(
        url, host=config.host, port=config.port, max_size=None, **options
    ) as connection:
        yield Wire(connection, vsn)
