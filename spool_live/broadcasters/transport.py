"""The official client's transport: a call has one deadline, and an answer a largest size."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from spool_live.deadline import Deadline, DeadlineBackend

LARGEST_ANSWER = 1_000_000
"""Bytes of an answer, after decompression. Ours are some hundred."""
_GZIP_OR_ZLIB = 47
_BODY_HEADERS = ("content-encoding", "content-length", "transfer-encoding")


class AnswerTooLargeError(httpx.HTTPError):
    """The answer is larger than ``LARGEST_ANSWER``, or compressed as nobody asked for."""


class Transport(httpx.Client):
    """An ``httpx.Client`` for requests within ``call``.

    ``answered`` is the last response. ``body`` is sent once in place of the official client's own,
    which takes five times as long to encode rows.
    """

    def __init__(self) -> None:
        super().__init__(
            timeout=None,  # the deadline of the call bounds everything
            limits=httpx.Limits(keepalive_expiry=60),
            # HTTP/1.1: for big requests one after the other HTTP/2 is the slower one.
            http2=False,
            headers={"Accept-Encoding": "identity"},
        )
        self.body: bytes | None = None
        self.answered: httpx.Response | None = None
        self._deadline = Deadline()
        # httpx has no public place for a network backend, and a transport of our own would not
        # take the proxies from the environment.
        for transport in (self._transport, *self._mounts.values()):
            pool: Any = getattr(transport, "_pool", None)
            if pool is not None:
                backend = DeadlineBackend(pool._network_backend, self._deadline)  # noqa: SLF001
                pool._network_backend = backend  # noqa: SLF001

    @contextmanager
    def call(self, seconds: float) -> Iterator[None]:
        """Let the requests of the block end ``seconds`` after it began."""
        self.answered = None
        self._deadline.start(seconds)
        try:
            yield
        finally:
            self.body = None

    def build_request(self, *args: Any, **options: Any) -> httpx.Request:
        if self.body is not None:
            options["content"], self.body = self.body, None
        return super().build_request(*args, **options)

    def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        """Send ``request`` and read the whole answer, within the deadline and the size."""
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
            raise AnswerTooLargeError(f"the answer is larger than {LARGEST_ANSWER} bytes")
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if not raw or encoding == "identity":
        return bytes(raw)
    if encoding not in ("gzip", "deflate"):
        raise AnswerTooLargeError(
            f"the answer is compressed ({encoding[:20]}), which was not asked for"
        )
    try:
        content = zlib.decompressobj(_GZIP_OR_ZLIB).decompress(raw, LARGEST_ANSWER + 1)
    except zlib.error as error:
        raise httpx.DecodingError(str(error)) from error
    if len(content) > LARGEST_ANSWER:
        raise AnswerTooLargeError(f"the answer is larger than {LARGEST_ANSWER} bytes")
    return content
