"""A proxy between the workers and Supabase that spoils the requests it is told to spoil.

Faults are used up by writes, one or a few each. ``hits`` counts the requests that each spoiled.
"""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections import Counter, deque
from dataclasses import dataclass

_BROKEN = b'{"code": "XX000", "message": "broken", "details": null, "hint": null}'
_UNKNOWN = json.dumps(
    {"code": "23503", "message": "violates foreign key constraint", "details": "", "hint": None}
).encode()
_STALE = json.dumps(
    {"code": "PGRST204", "message": "no such column", "details": None, "hint": None}
).encode()
_PAGE = b"<html>Please log in</html>"


@dataclass(frozen=True)
class Spoiling:
    """What happens to a request. ``stored``: Supabase gets it all the same."""

    status: int = 0
    body: bytes = b""
    headers: tuple[bytes, ...] = ()
    stored: bool = False
    hangs: bool = False
    truncated: bool = False
    slow: float = 0.0
    drips: bool = False
    rows_only: bool = False
    """Makes sense for writes of rows only, and of several at that."""
    clings: bool = False
    """Goes on for the first row of the request, with whatever others it comes again."""


_FIRST_ID = re.compile(rb'"id":"([0-9a-f-]{36})"')

SPOILINGS = {
    "500": Spoiling(500, _BROKEN),
    "503 without a body": Spoiling(503),
    "401": Spoiling(401, b'{"message": "Invalid API key"}'),
    "409 without a body": Spoiling(409),
    "409 unknown site": Spoiling(409, _UNKNOWN, rows_only=True),
    "413": Spoiling(413, b"too large", rows_only=True),
    "429 with Retry-After": Spoiling(429, headers=(b"Retry-After: 1",)),
    "200 with a page": Spoiling(200, _PAGE),
    "slow answer": Spoiling(stored=True, slow=0.7),
    "truncated answer": Spoiling(500, _BROKEN, truncated=True),
    "stored, truncated answer": Spoiling(201, b"{}", stored=True, truncated=True),
    "never answered": Spoiling(hangs=True),
    "stored, never answered": Spoiling(hangs=True, stored=True),
    "connection reset": Spoiling(),
    "stored, connection reset": Spoiling(stored=True),
    "stored, 500": Spoiling(500, _BROKEN, stored=True),
    "403 for one entry": Spoiling(403, b"<html>Blocked</html>", rows_only=True, clings=True),
    "dripping answer": Spoiling(201, drips=True),
    "stored, dripping answer": Spoiling(201, drips=True, stored=True),
    "204 of somebody else": Spoiling(204, rows_only=True),
    "207 of somebody else": Spoiling(207, b"{}", rows_only=True),
    "stale schema cache": Spoiling(400, _STALE, rows_only=True),
}
CLINGS = 3
"""Requests with the one row alone that are refused, beside those with others: halving finds it, and
it is not refused to death, which takes five, also where another fault comes in between."""


class Proxy:
    """Runs in a thread with an event loop of its own."""

    def __init__(self, upstream: int) -> None:
        self.hits: Counter[str] = Counter()
        self.requests = 0
        self.port = 0
        self._upstream = upstream
        self._waiting: deque[str] = deque()
        self._clinging: dict[bytes, tuple[str, int]] = {}
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="proxy", daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def waiting(self) -> int:
        """Requests that are to be spoiled yet."""
        return len(self._waiting)

    def start(self) -> None:
        self._thread.start()
        self._ready.wait()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def spoil(self, kind: str, times: int) -> None:
        """Spoils the next requests that it can be done to."""
        self._waiting.extend([kind] * times)

    def calm(self) -> None:
        """Spoils nothing more."""
        self._waiting.clear()
        self._clinging.clear()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (request := await _message(reader)) is not None:
                if not await self._handle(request, writer):
                    break
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort()

    async def _handle(self, request: tuple[bytes, bytes], writer: asyncio.StreamWriter) -> bool:
        """Whether the connection goes on."""
        kind = self._next_for(*request)
        spoiling = SPOILINGS.get(kind or "")
        self.requests += 1
        answer = _answer(502, _PAGE)
        if spoiling is None or spoiling.stored:
            answer = await self._forward(request)
        if spoiling is not None and kind is not None:
            self.hits[kind] += 1
            await asyncio.sleep(spoiling.slow)
            if spoiling.hangs:
                await asyncio.sleep(5)
            if spoiling.drips:
                await _drip(spoiling.status, writer)
                return False
            if spoiling.status:
                lie = 1000 if spoiling.truncated else 0
                answer = _answer(spoiling.status, spoiling.body, *spoiling.headers, lie=lie)
            elif not spoiling.slow:
                return False
        writer.write(answer)
        await writer.drain()
        return spoiling is None or not spoiling.truncated

    def _next_for(self, head: bytes, body: bytes) -> str | None:
        if not head.startswith(b"POST"):
            return None
        for row, (kind, times) in list(self._clinging.items()):
            if row in body:
                left = times - (body.count(b'"seq"') == 1)
                self._clinging[row] = (kind, left)
                if not left:
                    self._clinging.pop(row)
                return kind
        several = b"/live_updates" in head.split(b"\r\n", 1)[0] and body.count(b'"seq"') > 1
        for kind in list(self._waiting):
            if several or not SPOILINGS[kind].rows_only:
                self._waiting.remove(kind)
                if SPOILINGS[kind].clings and (first := _FIRST_ID.search(body)):
                    self._clinging[first[1]] = (kind, CLINGS)
                return kind
        return None

    async def _forward(self, request: tuple[bytes, bytes]) -> bytes:
        head, body = request
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self._upstream)
        except OSError:
            return _answer(502, _PAGE)
        try:
            writer.write(head + body)
            answer = await _message(reader)
            return b"".join(answer) if answer else _answer(502, _PAGE)
        except (OSError, asyncio.IncompleteReadError):
            return _answer(502, _PAGE)
        finally:
            writer.transport.abort()


async def _message(reader: asyncio.StreamReader) -> tuple[bytes, bytes] | None:
    """Head (with its blank line) and body of a request or an answer; None at the end."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise
        return None
    length = 0
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    return head, await reader.readexactly(length)


async def _drip(status: int, writer: asyncio.StreamWriter) -> None:
    """A byte now and then, for longer than anybody should wait."""
    writer.write(b"HTTP/1.1 %d Chaos\r\nContent-Length: 100000\r\n\r\n" % status)
    for _ in range(50):
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.1)


def _answer(status: int, body: bytes, *headers: bytes, lie: int = 0) -> bytes:
    kind = b"text/html" if body == _PAGE else b"application/json"
    lines = [
        b"HTTP/1.1 %d Chaos" % status,
        b"Content-Type: " + kind,
        b"Content-Length: %d" % (len(body) + lie),
        *headers,
    ]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body
