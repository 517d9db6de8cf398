"""A receiver of webhooks on this machine: our own handler behind a real HTTP server."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from spool_live.client.webhooks.receiver import WebhookEvent, WebhookReceiver

LOOPBACK = {
    "WEBHOOK_ALLOWED_NETWORKS": ["127.0.0.0/8"],
    "WEBHOOK_PORTS": ["443", "1024-65535"],
}
Answering = Callable[["Inbox", WebhookEvent | None], int]


class Inbox:
    """What a receiver got. ``secret`` is set once it is known; ``answers`` are given first."""

    def __init__(self) -> None:
        self.url = ""
        self.secret: str | list[str] = ""
        self.answers: list[int | tuple[int, dict[str, str]]] = []
        self.events: list[WebhookEvent] = []
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.repeated = 0
        self._receiver: WebhookReceiver | None = None
        self._lock = threading.Lock()

    @property
    def seqs(self) -> list[int | None]:
        """The numbers that were taken, in the order of arrival."""
        return [event.seq for event in self.events]

    def take(self, body: bytes, headers: dict[str, str]) -> tuple[int, dict[str, str]]:
        """The status and headers of the answer."""
        with self._lock:
            self.requests.append((headers, body))
            if self.answers:
                given = self.answers.pop(0)
                status, extra = given if isinstance(given, tuple) else (given, {})
                if not 200 <= status < 300:
                    return status, extra
            self._receiver = self._receiver or _at_any_time(WebhookReceiver(self.secret))
            event = self._receiver.receive(body, headers)
            if event is None:
                self.repeated += 1
            else:
                self.events.append(event)
            return 204, {}


def _at_any_time(receiver: WebhookReceiver) -> WebhookReceiver:
    """``receiver``, for messages of a clock that the test moves: the library asks the real one."""
    for webhook in receiver._webhooks:
        webhook._Webhook__verify_timestamp = _moment  # type: ignore[attr-defined]
    return receiver


def _moment(text: str) -> datetime:
    return datetime.fromtimestamp(float(text), UTC)


@contextmanager
def receiving() -> Iterator[Inbox]:
    """An inbox with a URL that answers."""
    inbox = Inbox()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            status, extra = inbox.take(body, {k.lower(): v for k, v in self.headers.items()})
            self.send_response(status)
            for name, value in extra.items():
                self.send_header(name, value)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            """Nothing: the inbox has it all."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    inbox.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
    try:
        yield inbox
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
