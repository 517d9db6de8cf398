"""The official client's transport: a call has one deadline, and an answer a largest size.

httpx bounds each read and each write, so a server that sends a byte now and then, or a name server
that does not answer, would hold a worker for as long as it likes.
"""

from __future__ import annotations

import threading
import time
import zlib
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

import httpcore
import httpx

LARGEST_ANSWER = 1_000_000
"""Bytes of an answer, after decompression. Ours are some hundred."""
_PIECE = 16_384
"""Bytes written at once: between two pieces the clock is looked at."""
_GZIP_OR_ZLIB = 47
_BODY_HEADERS = ("content-encoding", "content-length", "transfer-encoding")


class AnswerTooLarge(httpx.HTTPError):
    """The answer is larger than :data:`LARGEST_ANSWER`, or compressed as nobody asked for."""


class Transport(httpx.Client):
    """An ``httpx.Client`` for requests within :meth:`call`.

    ``answered`` is the last response. ``body`` is sent once in place of the official client's own,
    which takes five times as long to encode rows.
    """

    def __init__(self) -> None:
        super().__init__(
            timeout=None,  # the clock of the call bounds everything
            limits=httpx.Limits(keepalive_expiry=60),
            # HTTP/1.1: for big requests one after the other HTTP/2 is the slower one.
            http2=False,
            headers={"Accept-Encoding": "identity"},
        )
        self.body: bytes | None = None
        self.answered: httpx.Response | None = None
        self._clock = _Clock()
        # httpx has no public place for a network backend, and a transport of our own would not
        # take the proxies from the environment.
        for transport in (self._transport, *self._mounts.values()):
            pool: Any = getattr(transport, "_pool", None)
            if pool is not None:
                pool._network_backend = _Backend(pool._network_backend, self._clock)  # noqa: SLF001

    @contextmanager
    def call(self, seconds: float) -> Iterator[None]:
        """The requests of the block end ``seconds`` after it began."""
        self.answered = None
        self._clock.start(seconds)
        try:
            yield
        finally:
            self.body = None

    def build_request(self, *args: Any, **options: Any) -> httpx.Request:
        if self.body is not None:
            options["content"], self.body = self.body, None
        return super().build_request(*args, **options)

    def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        """Sends ``request`` and reads the whole answer, within the deadline and the size."""
        options["stream"] = True
        response = super().send(request, **options)
        try:
            content = _read(response)
        finally:
            response.close()
        headers = [
            (name, value)
            for name, value in response.headers.multi_items()
            if name.lower() not in _BODY_HEADERS
        ]
        self.answered = httpx.Response(
            response.status_code,
            headers=headers,
            content=content,
            request=request,
            extensions={"reason_phrase": response.extensions.get("reason_phrase", b"")},
        )
        return self.answered


def _read(response: httpx.Response) -> bytes:
    raw = bytearray()
    for piece in response.iter_raw():
        raw += piece
        if len(raw) > LARGEST_ANSWER:
            raise AnswerTooLarge(f"the answer is larger than {LARGEST_ANSWER} bytes")
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if not raw or encoding == "identity":
        return bytes(raw)
    if encoding not in ("gzip", "deflate"):
        raise AnswerTooLarge(f"the answer is compressed ({encoding[:20]}), which was not asked for")
    try:
        content = zlib.decompressobj(_GZIP_OR_ZLIB).decompress(raw, LARGEST_ANSWER + 1)
    except zlib.error as error:
        raise httpx.DecodingError(str(error)) from error
    if len(content) > LARGEST_ANSWER:
        raise AnswerTooLarge(f"the answer is larger than {LARGEST_ANSWER} bytes")
    return content


class _Clock:
    """When the present call ends."""

    def __init__(self) -> None:
        self._end = 0.0

    def start(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self, timeout: float | None, late: type[httpcore.TimeoutException]) -> float:
        """Seconds until the end, ``timeout`` at most; raises ``late`` where there are none."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise late("the deadline has passed")
        return left if timeout is None else min(left, timeout)


class _Backend(httpcore.NetworkBackend):
    """Connects within the deadline, the name's resolution included."""

    def __init__(self, inner: httpcore.NetworkBackend, clock: _Clock) -> None:
        self._inner = inner
        self._clock = clock

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        left = self._clock.left(timeout, httpcore.ConnectTimeout)

        def connect() -> httpcore.NetworkStream:
            return self._inner.connect_tcp(host, port, left, local_address, socket_options)

        return _Stream(_within(left, connect), self._clock)

    def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.NetworkStream:
        left = self._clock.left(timeout, httpcore.ConnectTimeout)
        return _Stream(self._inner.connect_unix_socket(path, left, socket_options), self._clock)


def _within(seconds: float, connect: Any) -> httpcore.NetworkStream:
    """What ``connect`` answers, from a thread of its own: nothing else bounds the resolution of a
    name. One that comes too late is closed."""
    future: Future[httpcore.NetworkStream] = Future()

    def run() -> None:
        try:
            future.set_result(connect())
        except BaseException as error:  # noqa: BLE001 - it is raised where it is waited for
            future.set_exception(error)

    threading.Thread(target=run, name="spool-live-connect", daemon=True).start()
    try:
        return future.result(seconds)
    except TimeoutError as error:
        if future.done():  # connect's own
            raise
        future.add_done_callback(_close)
        raise httpcore.ConnectTimeout("the name or the address did not answer in time") from error


def _close(future: Future[httpcore.NetworkStream]) -> None:
    if future.exception() is None:
        future.result().close()


class _Stream(httpcore.NetworkStream):
    """A connection whose reads and writes end with the deadline."""

    def __init__(self, inner: httpcore.NetworkStream, clock: _Clock) -> None:
        self._inner = inner
        self._clock = clock

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, self._clock.left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        view = memoryview(buffer)
        for start in range(0, len(view), _PIECE):
            piece = bytes(view[start : start + _PIECE])
            self._inner.write(piece, self._clock.left(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = self._clock.left(timeout, httpcore.ConnectTimeout)
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, left), self._clock)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)
