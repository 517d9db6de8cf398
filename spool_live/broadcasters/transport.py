"""The HTTP client under the official client: one deadline for a call, a maximum for an answer."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from spool_live.deadline import Deadline, DeadlineBackend

LARGEST_ANSWER = 1_000_000
"""Maximum of bytes of an answer, after decompression. The expected ones have a few hundred."""
_GZIP_OR_ZLIB = 47
_BODY_HEADERS = ("content-encoding", "content-length", "transfer-encoding")


class AnswerTooLargeError(httpx.HTTPError):
    """The answer is larger than ``LARGEST_ANSWER``, or compressed by a method that we did not ask
    for."""


class Transport(httpx.Client):
    """An ``httpx.Client`` for requests within a ``call`` block.

    ``answered`` is the last response. If ``body`` is set, the next request is sent with it: the
    official client's own JSON encoder takes five times as long.
    """

    def __init__(self) -> None:
        super().__init__(
            timeout=None,  # the deadline of the call bounds everything
            limits=httpx.Limits(keepalive_expiry=60),
            # HTTP/1.1, because HTTP/2 is slower for big requests that are sent one by one.
            http2=False,
            headers={"Accept-Encoding": "identity"},
        )
        self.body: bytes | None = None
        self.answered: httpx.Response | None = None
        self._deadline = Deadline()
        # httpx has no public parameter for a network backend, and with a transport of our own it
        # would ignore the proxies of the environment.
        for transport in (self._transport, *self._mounts.values()):
            pool: Any = getattr(transport, "_pool", None)
            if pool is not None:
                backend = DeadlineBackend(pool._network_backend, self._deadline)  # noqa: SLF001
                pool._network_backend = backend  # noqa: SLF001

    @contextmanager
    def call(self, seconds: float) -> Iterator[None]:
        """Give the requests of the block a common deadline, ``seconds`` from now."""
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
        """Send ``request`` and return its answer, read completely.

        Raises ``httpx`` errors if the deadline passes, and ``AnswerTooLargeError`` if the answer is
        too large.
        """
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
