"""A stub of Supabase's REST side: takes everything, counts rows, answers after a given delay.

``python -m benchmarks.receiver PORT``. Beside the two addresses that delivery writes to:
``POST /_reset/<milliseconds of delay>`` and ``GET /_stats`` -> ``{requests, rows, last_ns, seen}``
(``last_ns`` on CLOCK_MONOTONIC; ``seen``: when each ``metadata.n`` arrived).
"""

from __future__ import annotations

import asyncio
import sys
import time
from typing import Any

import orjson
import uvloop

TRACED_BODY = 20_000
"""Only small requests are parsed for the time of arrival of their rows."""


class Counters:
    """What arrived since the last reset."""

    def __init__(self) -> None:
        self.reset(0)

    def reset(self, delay_ms: int) -> None:
        self.delay = delay_ms / 1000
        self.requests = 0
        self.rows = 0
        self.last_ns = 0
        self.seen: dict[str, int] = {}

    def count(self, body: bytes) -> None:
        self.last_ns = time.monotonic_ns()
        self.requests += 1
        self.rows += body.count(b'"seq":')
        if len(body) < TRACED_BODY:
            for row in orjson.loads(body):
                self.seen[str(row["metadata"].get("n"))] = self.last_ns


counters = Counters()


class Receiver(asyncio.Protocol):
    """HTTP/1.1 with keep-alive, as much of it as an HTTP client of ours speaks."""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._chunks: list[bytes] = []
        self._have = 0
        self._need = 0

    def data_received(self, data: bytes) -> None:
        self._chunks.append(data)
        self._have += len(data)
        if self._have < self._need:
            return
        data = b"".join(self._chunks)
        end = data.find(b"\r\n\r\n")
        if end < 0:
            self._chunks = [data]
            return
        head = data[:end]
        self._need = end + 4 + _content_length(head)
        if len(data) < self._need:
            self._chunks = [data]
            return
        self._chunks, self._have, self._need = [], 0, 0
        self._handle(head.split(b" ", 2)[1], data[end + 4 :])

    def _handle(self, path: bytes, body: bytes) -> None:
        status, answer = b"200 OK", b""
        if path.startswith(b"/_reset/"):
            counters.reset(int(path.rpartition(b"/")[2]))
        elif path == b"/_stats":
            answer = orjson.dumps(vars(counters))
        elif b"/rpc/spool_live_mirror" in path:
            site = orjson.loads(body)["site"]
            answer = orjson.dumps(
                {k: site[k] for k in ("version", "epoch", "deleted")} | {"applied": True}
            )
        else:
            counters.count(body)
            status = b"201 Created"
            if counters.delay:
                loop = asyncio.get_running_loop()
                loop.call_later(counters.delay, self._answer, status, answer)
                return
        self._answer(status, answer)

    def _answer(self, status: bytes, body: bytes) -> None:
        self._transport.write(
            b"HTTP/1.1 %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
            % (status, len(body), body)
        )


def _content_length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        if line[:15].lower() == b"content-length:":
            return int(line[15:])
    return 0


async def serve(port: int) -> None:
    """Serves until it is killed."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Receiver, "127.0.0.1", port, backlog=1024)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
