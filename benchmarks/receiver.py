"""A stub of Supabase's REST interface: it takes updates and sites, answers as PostgREST does after
a given delay, and counts rows.

``python -m benchmarks.receiver PORT``. Beside the two addresses that delivery writes to:
``POST /_reset/<milliseconds of delay>`` and ``GET /_stats`` -> ``{requests, rows, last_ns, seen}``
(``last_ns`` on CLOCK_MONOTONIC; ``seen``: when each ``metadata.n`` arrived). ``POST /hook/...``
takes a webhook (``seen`` has its path), ``POST /hang/...`` never answers.
"""

from __future__ import annotations

import asyncio
import sys
import time
from typing import Any

import orjson
import uvloop

TRACED_BODY = 20_000
"""The largest request in which the arrival of each row is recorded."""


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

    def count_webhook(self, path: bytes) -> None:
        self.last_ns = time.monotonic_ns()
        self.rows += 1
        self.seen[path.decode()] = self.last_ns


counters = Counters()

OK = b"HTTP/1.1 200 OK\r\nServer: postgrest/14.14\r\nContent-Range: 0-0/*\r\n"
CREATED = (
    b"HTTP/1.1 201 Created\r\nServer: postgrest/14.14\r\nContent-Range: */*\r\n"
    b"Preference-Applied: resolution=ignore-duplicates, return=minimal\r\n"
)
NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nServer: postgrest/14.14\r\n"
UNKNOWN = (
    b'{"code":"PGRST205","details":null,"hint":null,'
    b'"message":"Could not find the table in the schema cache"}'
)


class Receiver(asyncio.Protocol):
    """HTTP/1.1 with keep-alive, as far as the measured HTTP clients need it."""

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
        if path.startswith(b"/_reset/"):
            counters.reset(int(path.rpartition(b"/")[2]))
            self._answer(OK, b"")
        elif path == b"/_stats":
            self._answer(OK, orjson.dumps(vars(counters)))
        elif path.startswith(b"/rest/v1/rpc/spool_live_mirror"):
            self._answer(OK, orjson.dumps(_mirrored(orjson.loads(body)["site"])))
        elif path.startswith(b"/rest/v1/live_updates"):
            counters.count(body)
            if counters.delay:
                asyncio.get_running_loop().call_later(counters.delay, self._answer, CREATED, b"")
            else:
                self._answer(CREATED, b"")
        elif path.startswith(b"/hook/"):
            counters.count_webhook(path)
            self._answer(b"HTTP/1.1 204 No Content\r\n", b"")
        elif not path.startswith(b"/hang/"):
            self._answer(NOT_FOUND, UNKNOWN)

    def _answer(self, head: bytes, body: bytes) -> None:
        """Answer as PostgREST does: an upsert that returns nothing has neither body nor content
        type."""
        if body:
            head += b"Content-Type: application/json; charset=utf-8\r\n"
        self._transport.write(b"%bContent-Length: %d\r\n\r\n%b" % (head, len(body), body))


def _mirrored(given: Any) -> Any:
    """Return the answer of the function: one value, or one for each site of an array."""
    if isinstance(given, list):
        return [{"site_id": site["site_id"], **_mirrored(site)} for site in given]
    return {name: given[name] for name in ("version", "epoch", "deleted")} | {"applied": True}


def _content_length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        if line[:15].lower() == b"content-length:":
            return int(line[15:])
    return 0


async def serve(port: int) -> None:
    """Serve until killed."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Receiver, "127.0.0.1", port, backlog=1024)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
