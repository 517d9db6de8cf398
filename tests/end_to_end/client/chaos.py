"""One site, its CMS and its local Supabase, with everything in between that can break."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import psycopg
import pytest
from django.db import connections, transaction

from spool_live import EventType, LiveUpdateData, broadcast_update, delivery, keys
from spool_live.client import (
    LiveUpdate,
    LiveUpdatesConfig,
    Reset,
    SyncLiveUpdatesClient,
    Timing,
)
from spool_live.client.engine import tokens as client_tokens
from spool_live.client.sync import BackgroundLoop
from spool_live.delivery import mirror
from spool_live.local.instance import LocalDatabase
from spool_live.local.processes import wait_until
from spool_live.models import Site
from tests.client.proxies import FrameProxy, TcpProxy
from tests.end_to_end.client.gateway_process import Gateway

CLOSE_CODES = (1000, 1001, 1006, 1011, 1012, 4000)
JSON, HTML = "application/json", "text/html"
GATEWAYS = {
    "200 with an error": (200, JSON, b'{"message": "Internal error"}'),
    "200 with a page": (200, HTML, b"<title>We will be back soon</title>"),
    "401": (401, JSON, b'{"message": "Unauthorized"}'),
    "403": (403, HTML, b"<title>Forbidden</title>"),
    "404": (404, HTML, b"<title>Not found</title>"),
    "410": (410, HTML, b"<title>Gone</title>"),
    "503 for ever": (503, HTML, b"<title>Maintenance</title>"),
}
LONG = os.environ.get("SPOOL_LIVE_CHAOS") == "long"
HASTY = Timing(
    backoff_initial=0.1,
    backoff_maximum=1.0,
    stable_after=0.5,
    request=2.0,
    join=3.0,
    ready_broadcast=1.0,
    ready_postgres_changes=5.0,
    close=0.3,
    epoch_jitter=0.2,
    catch_up_interval=1.0,
    catch_up_confirm=0.05,
    poll_initial=0.1,
    poll_maximum=0.5,
    suspicion=0.5,
    patience_maximum=5.0,
    born_expired=0.5,
    refused_maximum=1.0,
    tick=0.1,
)


@dataclass
class Handler:
    """What reached one handler, in the order in which it did."""

    seqs: list[int | None] = field(default_factory=list)
    resets: list[Reset] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.gate.set()

    def handle(self, update: LiveUpdate) -> None:
        self.gate.wait(60)
        self.seqs.append(update.seq)


class Chaos:
    """client -> bytes proxy -> frames proxy -> gateway; client -> bytes proxy -> CMS."""

    def __init__(self, api_url: str, gateway: Gateway, site: Site, key: str, seed: int) -> None:
        self.rand = random.Random(seed)
        self.gateway = gateway
        self.site = site
        self.key = key
        self.loop = BackgroundLoop.of_this_process()
        self.frames = FrameProxy(gateway.config.url, self.rand)
        self.cms = TcpProxy(api_url)
        self.run(self.frames.start())
        self.socket = TcpProxy(self.frames.url)
        self.run(self.socket.start())
        self.run(self.cms.start())
        self.faults: Counter[str] = Counter()
        self.kinds = self._kinds()
        self._to_come: list[str] = []
        self.recorded = 0
        self.rotate: Callable[[bool], None] = lambda rotated: None
        """Signs tokens with another secret than Realtime's, or with the right one again."""

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run(coroutine)

    def client(self, **options: Any) -> tuple[SyncLiveUpdatesClient, Handler]:
        """A client behind the proxies, and what its handler gets. Not connected yet."""
        values = {"site_id": str(self.site.pk), "api_key": self.key, "api_url": self.cms.url}
        config = LiveUpdatesConfig(**({"timing": HASTY} | values | options))
        client, handler = SyncLiveUpdatesClient(config), Handler()
        client.on_update(handler.handle)
        client.on_reset(handler.resets.append)
        return client, handler

    def record(self, number: int) -> None:
        """Edits, each with its update in the outbox."""
        with transaction.atomic():
            for _ in range(number):
                self.recorded += 1
                data = LiveUpdateData(
                    event_type=EventType.UPDATED,
                    collection="articles",
                    item_id=uuid.uuid4(),
                    slug=f"article-{self.recorded}",
                    metadata={"title": "x" * self.rand.randint(0, 200)},
                )
                broadcast_update(self.site, data)

    def deliver(self) -> None:
        """What the worker does; where Supabase is away, it waits in the outbox."""
        delivery.deliver_pending("default", pause=lambda seconds: None)

    def fault(self) -> None:
        """Break one thing; none again before all others had their turn."""
        if not self._to_come:
            self._to_come = self.rand.sample(list(self.kinds), len(self.kinds))
        name = self._to_come.pop()
        self.faults[name] += 1
        self.kinds[name]()

    def _kinds(self) -> dict[str, Callable[[], None]]:
        """The ways to break it; each heals itself, or is healed by the next `heal`."""
        return {
            "connection reset": self._on_loop(self.socket.abort),
            "half-closed": self._on_loop(self.socket.half_close),
            "frozen": self._on_loop(self.socket.freeze),
            "delayed": lambda: setattr(self.socket, "delay", self.rand.uniform(0.02, 0.2)),
            "refused": self._on_loop(self.socket.refuse),
            **{f"closed with {code}": partial(self._close, code) for code in CLOSE_CODES},
            "token expired": lambda: self._end("Token has expired 0 seconds ago"),
            "rate limit": lambda: self._end("Too many messages per second"),
            "system error": lambda: self._end("Realtime was unable to connect to the database"),
            "frames lost": lambda: setattr(self.frames, "lose", 0.3),
            "frames repeated": lambda: setattr(self.frames, "repeat", 0.5),
            "frames reordered": lambda: setattr(self.frames, "reorder", 0.4),
            "cms reset": self._on_loop(self.cms.abort),
            "cms frozen": self._on_loop(self.cms.freeze),
            "cms refused": self._on_loop(self.cms.refuse),
            **{
                f"gateway: {name}": self._on_loop(partial(self.cms.answer, *answer))
                for name, answer in GATEWAYS.items()
            },
            "secret rotated": self._rotate_secret,
            "new epoch": self._new_epoch,
        }

    def kill_gateway(self) -> None:
        """SIGKILL, and a start some time later."""
        self.faults["gateway killed"] += 1
        self.gateway.kill()
        self.record(5)
        self.deliver()
        self.gateway.start()

    def restart(self, database: LocalDatabase) -> None:
        """PostgreSQL goes and comes back, under gateway and CMS.

        It does so by itself when a backend is killed. (`database.stop()` would take the local
        Supabase of the test session along.)
        """
        self.faults["database restarted"] += 1
        connections.close_all()
        with psycopg.connect(database.conninfo(), autocommit=True) as witness:
            with psycopg.connect(database.conninfo()) as victim:
                os.kill(victim.info.backend_pid, signal.SIGKILL)
            wait_until(lambda: not _answers(witness), 20, lambda: "PostgreSQL did not go")
        wait_until(lambda: _accepts(database), 20, lambda: "PostgreSQL did not come back")

    def heal(self) -> None:
        """Everything works again."""
        self._repair_secret()
        self.frames.lose = self.frames.repeat = self.frames.reorder = 0.0
        for proxy in (self.socket, self.cms):
            self._on_loop(proxy.heal)()

    def stop(self) -> None:
        for proxy in (self.socket, self.frames, self.cms):
            self.run(proxy.stop())
        self.gateway.kill()
        connections.close_all()

    def deliver_all(self, within: float) -> None:
        """Until the outbox is empty and the gateway has everything."""
        deadline = time.monotonic() + within
        while True:
            report = delivery.deliver_pending("default")
            if not report.postponed and not _pending():
                return
            assert time.monotonic() < deadline, report
            time.sleep(0.05)

    def _rotate_secret(self) -> None:
        """On one side only; who joins now is refused."""
        self.rotate(True)
        self.run(self.frames.close_all(1012))

    def _repair_secret(self) -> None:
        self.rotate(False)

    def _close(self, code: int) -> None:
        self.run(self.frames.close_all(code))

    def _end(self, message: str) -> None:
        self.run(self.frames.end_channels(message))

    def _on_loop(self, function: Callable[[], None]) -> Callable[[], None]:
        """The function, called where the proxies live."""

        async def call() -> None:
            function()

        return lambda: self.run(call())

    def _new_epoch(self) -> None:
        key, _ = keys.create_key(self.site, name=f"key {self.recorded}")
        mirror.mirror_pending("default")
        keys.revoke_key(key)
        mirror.mirror_pending("default")


def _answers(connection: psycopg.Connection[Any]) -> bool:
    try:
        connection.execute("select 1")
    except psycopg.OperationalError:
        return False
    return True


def _accepts(database: LocalDatabase) -> bool:
    try:
        psycopg.connect(database.conninfo()).close()
    except psycopg.OperationalError:
        return False
    return True


def _pending() -> bool:
    from spool_live.models import OutboxEntry

    return OutboxEntry.objects.filter(state=OutboxEntry.State.PENDING).exists()


def behind_proxy(monkeypatch: pytest.MonkeyPatch, chaos: Chaos) -> None:
    """The client finds Supabase behind the proxies, the CMS's worker does not."""
    real = vars(client_tokens.RealtimeToken)["from_response"].__func__

    def from_response(cls: Any, data: Any, received_at: float) -> Any:
        if isinstance(data, dict) and "supabase_url" in data:
            data = data | {"supabase_url": chaos.socket.url}
        return real(cls, data, received_at)

    monkeypatch.setattr(client_tokens.RealtimeToken, "from_response", classmethod(from_response))
