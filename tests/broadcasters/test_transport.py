"""A call ends at its deadline and an answer at its maximum size, whatever the server does."""

from __future__ import annotations

import gzip
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import httpx
import pytest

from spool_live.broadcasters.network import error_of
from spool_live.broadcasters.transport import LARGEST_ANSWER, AnswerTooLargeError, Transport
from spool_live.exceptions import BatchTooSlow

Serve = Callable[[socket.socket, threading.Event], None]
SECONDS = 1.0
LATE = (httpx.ReadTimeout, httpx.WriteTimeout)
"""On a slow machine the deadline may pass while the request is written."""


@pytest.fixture
def transport() -> Iterator[Transport]:
    with Transport() as made:
        yield made


@contextmanager
def serving(serve: Serve) -> Iterator[str]:
    """A server that passes its one connection to ``serve``, until its event is set."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def run() -> None:
            connection, _ = server.accept()
            with connection, suppress(OSError):  # the client has left
                serve(connection, over)

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}/"
        finally:
            over.set()
            thread.join(10)
            assert not thread.is_alive()


def answering(head: bytes, body: bytes = b"") -> Serve:
    def serve(connection: socket.socket, over: threading.Event) -> None:
        connection.recv(65536)
        connection.sendall(head + b"\r\n\r\n" + body)

    return serve


def dripping(head: bytes, drop: bytes) -> Serve:
    """Sends a byte before each read times out, and never ends."""

    def serve(connection: socket.socket, over: threading.Event) -> None:
        connection.recv(65536)
        connection.sendall(head)
        while not over.wait(0.02):
            connection.sendall(drop)

    return serve


def deaf(connection: socket.socket, over: threading.Event) -> None:
    over.wait(30)


class TestDeadline:
    @pytest.mark.parametrize(
        "serve",
        [
            pytest.param(deaf, id="no answer"),
            pytest.param(dripping(b"HTTP/1.1 200 OK\r\nX-", b"a"), id="headers that drip"),
            pytest.param(
                dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", b" "),
                id="body that drips",
            ),
            pytest.param(
                dripping(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
                id="chunks that drip",
            ),
            pytest.param(
                dripping(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"), id="hints without end"
            ),
        ],
    )
    def test_is_of_the_call_as_a_whole(self, serve: Serve, transport: Transport) -> None:
        with serving(serve) as url:
            began = time.monotonic()
            with pytest.raises(LATE) as raised, transport.call(SECONDS):
                transport.get(url)
            assert time.monotonic() - began < 5
        assert type(error_of(raised.value, SECONDS)) is BatchTooSlow

    def test_holds_for_a_body_that_nobody_reads(self, transport: Transport) -> None:
        with (
            serving(deaf) as url,
            pytest.raises(httpx.WriteTimeout),
            transport.call(SECONDS),
        ):
            transport.post(url, content=b"x" * 50_000_000)

    def test_is_of_all_requests_of_the_call(self, transport: Transport) -> None:
        def serve(connection: socket.socket, over: threading.Event) -> None:
            while connection.recv(65536):
                over.wait(0.15)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

        def many(url: str) -> None:
            with transport.call(SECONDS):
                for _ in range(50):
                    transport.get(url)

        with serving(serve) as url:
            with pytest.raises(LATE):
                many(url)
            assert transport.answered is not None

    def test_begins_anew_with_the_next_call(self, transport: Transport) -> None:
        def serve(connection: socket.socket, over: threading.Event) -> None:
            while connection.recv(65536):
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

        with serving(serve) as url:
            for _ in range(3):
                with transport.call(5):
                    assert transport.get(url).status_code == 200
            transport.close()

    def test_holds_for_a_name_server_that_does_not_answer(
        self, transport: Transport, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        over = threading.Event()
        monkeypatch.setattr(socket, "getaddrinfo", lambda *asked, **more: over.wait(30) and [])
        with (
            pytest.raises(httpx.ConnectTimeout, match="did not answer in time"),
            transport.call(SECONDS),
        ):
            transport.get("http://supabase.example/")
        over.set()
        for thread in threading.enumerate():
            if thread.name == "spool-live-connect":
                thread.join(10)

    def test_through_a_proxy_as_well(self, monkeypatch: pytest.MonkeyPatch) -> None:
        drip = dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", b" ")
        with serving(drip) as url:
            monkeypatch.setenv("HTTP_PROXY", url)
            with (
                Transport() as transport,
                pytest.raises(httpx.ReadTimeout),
                transport.call(SECONDS),
            ):
                transport.get("http://supabase.example/")


class TestSize:
    def test_of_an_answer_without_end(self, transport: Transport) -> None:
        endless = dripping(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 100_000)
        with (
            serving(endless) as url,
            pytest.raises(AnswerTooLargeError, match="larger than"),
            transport.call(30),
        ):
            transport.get(url)

    @pytest.mark.parametrize("encoding", ["gzip", "deflate"])
    def test_of_an_answer_that_swells(self, encoding: str, transport: Transport) -> None:
        bomb = b"0" * 100 * LARGEST_ANSWER
        packed = gzip.compress(bomb) if encoding == "gzip" else zlib.compress(bomb)
        assert len(packed) < LARGEST_ANSWER
        head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {encoding}\r\nContent-Length: {len(packed)}"
        with (
            serving(answering(head.encode(), packed)) as url,
            pytest.raises(AnswerTooLargeError, match="larger than"),
            transport.call(30),
        ):
            transport.get(url)

    def test_compressed_answer_is_read(self, transport: Transport) -> None:
        packed = gzip.compress(b'{"a": 1}')
        head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}"
        with serving(answering(head.encode(), packed)) as url, transport.call(30):
            answer = transport.get(url)
        assert answer.json() == {"a": 1}
        assert transport.answered is answer

    @pytest.mark.parametrize(
        ("encoding", "error"), [("gzip", httpx.DecodingError), ("br", AnswerTooLargeError)]
    )
    def test_of_what_cannot_be_unpacked(
        self, encoding: str, error: type[Exception], transport: Transport
    ) -> None:
        head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {encoding}\r\nContent-Length: 4"
        with (
            serving(answering(head.encode(), b"what")) as url,
            pytest.raises(error),
            transport.call(30),
        ):
            transport.get(url)


def test_body_that_was_never_sent_is_not_sent_later(transport: Transport) -> None:
    with transport.call(1):
        transport.body = b"kept"
    assert transport.body is None
