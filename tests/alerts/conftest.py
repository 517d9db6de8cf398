"""A receiver of notices, and evaluations at moments of choice."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from spool_live import status
from spool_live.alerts import evaluation
from spool_live.alerts.channels import Notice
from spool_live.signals import alert
from spool_live.status import Kind, Problem, State, Status


@dataclass
class Receiver:
    """A web server that keeps what is posted to it, and answers as ``answers`` says."""

    url: str
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Where a webhook goes."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            kept.requests.append(({k.lower(): v for k, v in self.headers.items()}, body))
            self.send_response(kept.answers.pop(0) if kept.answers else 204)
            self.end_headers()

        def do_GET(self) -> None:
            kept.requests.append(({}, b""))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            """Logs nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    kept = Receiver(f"http://127.0.0.1:{server.server_port}/alerts")
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield kept
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def notices() -> Iterator[list[Notice]]:
    """What receivers of the signal get."""
    got: list[Notice] = []

    def receive(notice: Notice, **kwargs: Any) -> None:
        got.append(notice)

    alert.connect(receive)
    yield got
    alert.disconnect(receive)


@dataclass
class World:
    """What the status says, and when."""

    monkeypatch: pytest.MonkeyPatch
    now: datetime
    problems: tuple[Problem, ...] = ()

    def breaks(self, *kinds: Kind, state: State = State.STOPPED) -> None:
        """Set the problems of the status from now on."""
        self.problems = tuple(
            Problem(kind, state, self.now, f"{kind} broke.", "Mend it.", "default")
            for kind in kinds
        )

    def after(self, seconds: float) -> evaluation.Evaluation:
        """Evaluate so many seconds later."""
        self.now += timedelta(seconds=seconds)
        self.monkeypatch.setattr("spool_live.alerts.evaluation.timezone.now", lambda: self.now)
        return evaluation.evaluate()


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, db: None) -> World:
    """A status of our choice at moments of our choice."""
    made = World(monkeypatch, timezone.now())
    monkeypatch.setattr(status, "determine", lambda: Status(made.now, made.problems))
    return made


Look = Callable[[float], evaluation.Evaluation]
