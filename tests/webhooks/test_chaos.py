"""Everything fails at once: receivers, senders, Supabase. Every message arrives, and once."""

from __future__ import annotations

import random
import signal
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from spool_live import outbox, webhooks
from spool_live.broadcasters.supabase import SupabaseBroadcaster
from spool_live.client import WebhookReceiver
from spool_live.models import Site, WebhookMessage
from tests.outbox.conftest import update
from tests.webhooks.receiving import LOOPBACK
from tests.worker.processes import Process, Project

AWAY = {
    "BROADCASTER": f"{SupabaseBroadcaster.__module__}.{SupabaseBroadcaster.__qualname__}",
    "SUPABASE_URL": "http://127.0.0.1:1",
}
FASTER = {
    **LOOPBACK,
    "WEBHOOK_TIMEOUT": 1.0,
    "WEBHOOK_RETRIES": [0.1, 0.2, 0.5, *[1.0] * 60],
}
MISBEHAVES = {"refuses": 0.06, "hangs": 0.004, "drips": 0.004, "closes": 0.02, "busy": 0.02}
"""How often a receiver does what it should not. One that closes has taken the message before."""

WEIGHTS = [*MISBEHAVES.values(), 1 - sum(MISBEHAVES.values())]


class Unkind:
    """A receiver of all sites that fails at random and deduplicates on the id."""

    def __init__(self, seed: int) -> None:
        self.url = ""
        self.receivers: dict[str, WebhookReceiver] = {}
        self.arrived: dict[str, list[int]] = {}
        """Of each site the numbers in the order in which they first came, whatever was answered."""
        self.accepted: Counter[str] = Counter()
        self.repeated = 0
        self.did: Counter[str] = Counter()
        self.is_kind = False
        self._random = random.Random(seed)
        self._lock = threading.Lock()

    def take(self, site_id: str, body: bytes, headers: dict[str, str]) -> str:
        """What to do with a message; it is verified and taken first where that is the answer."""
        with self._lock:
            [name] = self._random.choices([*MISBEHAVES, "takes"], WEIGHTS)
            name = "takes" if self.is_kind else name
            self.did[name] += 1
            receiver = self.receivers[site_id]
            event = receiver.receive(body, headers)
            if event is None:
                self.repeated += 1
            else:
                seen = self.arrived[site_id]
                if event.seq not in seen[-2000:]:
                    seen.append(event.seq or 0)
                if name in ("takes", "closes"):
                    self.accepted[str(event.id)] += 1
                else:
                    receiver.release(headers)
            return name


class Handler(BaseHTTPRequestHandler):
    """Answers as the receiver decides."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        assert isinstance(self.server, Server)
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {k.lower(): v for k, v in self.headers.items()}
        getattr(self, self.server.unkind.take(self.path.strip("/"), body, headers))()

    def answer(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("content-length", "0")
        self.end_headers()

    def takes(self) -> None:
        self.answer(204)

    def refuses(self) -> None:
        self.answer(500)

    def busy(self) -> None:
        self.answer(503, retry_after="1")

    def hangs(self) -> None:
        with suppress(OSError):
            self.connection.recv(1)
        self.close_connection = True

    def drips(self) -> None:
        self.close_connection = True
        with suppress(OSError):
            for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n" * 3:
                self.connection.sendall(bytes([byte]))
                time.sleep(0.05)

    def closes(self) -> None:
        self.close_connection = True
        self.connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab")
        self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, *args: Any) -> None:
        """Nothing."""


class Server(ThreadingHTTPServer):
    """Serves what is unkind."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, unkind: Unkind) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.unkind = unkind
        unkind.url = f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A sender that was killed has closed its connection."""


@contextmanager
def serving(unkind: Unkind) -> Iterator[None]:
    with Server(unkind) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


class Senders:
    """Two processes of ``live_deliver --loop``, which are killed and started again."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._running: list[Process] = []
        self._number = 0

    def start(self) -> None:
        """One more."""
        self._number += 1
        self._running.append(
            Process(
                self._project.folder / f"sender-{self._number}.log",
                *(sys.executable, "-W", "ignore", "-m", "django"),
                *("live_deliver", "--loop", "--interval", "0.1"),
                environment=self._project.environment,
            )
        )

    def kill(self) -> None:
        """The oldest, in the middle of whatever it does."""
        self._running.pop(0).end(signal.SIGKILL)

    def end(self) -> None:
        while self._running:
            self.kill()


def storm(folder: Path, *, sites: int, messages: int, kills: int, within: float) -> Unkind:
    """Sends ``messages`` of each of ``sites`` while everything fails."""
    unkind = Unkind(seed=7)
    project = Project(folder, 0, **FASTER)
    senders = Senders(project)
    with serving(unkind):
        made = []
        for number in range(sites):
            site = Site.objects.create(name=f"paper {number}")
            _, secret = webhooks.create_endpoint(site, f"{unkind.url}/{site.pk}")
            unkind.receivers[str(site.pk)] = WebhookReceiver(str(secret))
            unkind.arrived[str(site.pk)] = []
            made.append(site)
        try:
            project.configure(**FASTER, **AWAY)
            senders.start()
            senders.start()
            step = max(messages // (kills + 1), 1)
            for phase in range(kills + 1):
                left = messages - step * phase
                record(made, left if phase == kills else min(step, left))
                reaches = 0.5 * len(made) * step * (phase + 1)
                wait(partial(lambda n: len(unkind.accepted) >= n, reaches), within, unkind)
                if phase < kills:
                    senders.kill()
                    if phase >= kills // 2:
                        project.configure(**FASTER)  # Supabase is back
                    senders.start()
            wait(lambda: len(unkind.accepted) >= sites * messages * 0.99, within, unkind)
            unkind.is_kind = True
            everything = sites * messages
            wait(lambda: len(unkind.accepted) == everything, within, unkind)
            wait(lambda: not WebhookMessage.objects.exists(), within, unkind)
        finally:
            senders.end()
    return unkind


def record(sites: list[Site], number: int) -> None:
    for site in sites:
        outbox.record([(site.pk, update()) for _ in range(number)], using="default")


def wait(condition: Callable[[], bool], within: float, unkind: Unkind) -> None:
    end = time.monotonic() + within
    while not condition():
        assert time.monotonic() < end, f"{len(unkind.accepted)} accepted, {dict(unkind.did)}"
        time.sleep(0.1)


def check(unkind: Unkind, sites: int, messages: int) -> None:
    assert len(unkind.accepted) == sites * messages, "every one arrives"
    assert set(unkind.accepted.values()) == {1}, "and none is accepted twice"
    for seqs in unkind.arrived.values():
        assert seqs == sorted(seqs) == list(range(1, messages + 1)), "first attempts are in order"
    assert all(unkind.did[name] for name in ("takes", "refuses", "closes"))


@pytest.mark.django_db(transaction=True, databases="__all__")
@pytest.mark.timeout(300)
def test_every_message_arrives_once_whatever_fails(tmp_path: Path, live: Any) -> None:
    live(**LOOPBACK)
    unkind = storm(tmp_path, sites=4, messages=60, kills=2, within=120)
    check(unkind, 4, 60)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True, databases="__all__")
@pytest.mark.timeout(900)
def test_ten_thousand_messages_arrive_once_whatever_fails(tmp_path: Path, live: Any) -> None:
    live(**LOOPBACK)
    unkind = storm(tmp_path, sites=20, messages=500, kills=8, within=500)
    check(unkind, 20, 500)
    assert unkind.did["hangs"]
    assert unkind.did["drips"]
