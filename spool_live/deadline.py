"""One deadline for a whole HTTP request: name resolution, connection, TLS, every read and write.

httpcore limits each read and each write by itself. Without a common deadline a server that sends a
byte now and then, or a name server that does not answer, could block a worker without limit.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from typing import Any, TypeVar

import httpcore

_PIECE = 16_384
"""Bytes that are written at once: the deadline is checked before each piece."""
T = TypeVar("T")


class Deadline(threading.local):
    """The time at which the current request of each thread must end.

    Per thread, because threads may share connections.
    """

    end = 0.0

    def start(self, seconds: float) -> None:
        """Set the end of this thread's request to ``seconds`` from now."""
        self.end = time.monotonic() + seconds

    def left(self, timeout: float | None, late: type[httpcore.TimeoutException]) -> float:
        """Return the seconds until the deadline, at most ``timeout``. Raises ``late`` if it has
        passed."""
        left = self.end - time.monotonic()
        if left <= 0:
            raise late("the deadline has passed")
        return left if timeout is None else min(left, timeout)


class DeadlineBackend(httpcore.NetworkBackend):
    """A backend that connects within the deadline, including the resolution of the name."""

    def __init__(self, inner: httpcore.NetworkBackend, deadline: Deadline) -> None:
        self._inner = inner
        self._deadline = deadline

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        left = self._deadline.left(timeout, httpcore.ConnectTimeout)

        def connect() -> httpcore.NetworkStream:
            return self._inner.connect_tcp(host, port, left, local_address, socket_options)

        return _Stream(within(left, connect, _close), self._deadline)

    def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.NetworkStream:
        left = self._deadline.left(timeout, httpcore.ConnectTimeout)
        return _Stream(self._inner.connect_unix_socket(path, left, socket_options), self._deadline)


def within(seconds: float, call: Callable[[], T], too_late: Callable[[T], None]) -> T:
    """Run ``call`` on a thread of its own, and return its result.

    There is no other way to limit the resolution of a name. If the result comes after ``seconds``,
    it is passed to ``too_late``. Raises what ``call`` raises, and ``httpcore.ConnectTimeout`` after
    ``seconds``.
    """
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(call())
        except BaseException as error:  # noqa: BLE001 - raised again by future.result
            future.set_exception(error)

    def discard(late: Future[T]) -> None:
        if late.exception() is None:
            too_late(late.result())

    threading.Thread(target=run, name="spool-live-connect", daemon=True).start()
    try:
        return future.result(seconds)
    except TimeoutError as error:
        if future.done():  # the call raised it
            raise
        future.add_done_callback(discard)
        raise httpcore.ConnectTimeout("the name or the address did not answer in time") from error


def _close(stream: httpcore.NetworkStream) -> None:
    stream.close()


class _Stream(httpcore.NetworkStream):
    """A connection whose reads and writes end with the deadline."""

    def __init__(self, inner: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._inner = inner
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, self._deadline.left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        view = memoryview(buffer)
        for start in range(0, len(view), _PIECE):
            piece = bytes(view[start : start + _PIECE])
            self._inner.write(piece, self._deadline.left(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = self._deadline.left(timeout, httpcore.ConnectTimeout)
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, left), self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)
