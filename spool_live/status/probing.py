"""Asks broker and cache whether they answer, and Realtime how many clients are connected.

The answers are stored as heartbeats, which every process reads. Commands and the evaluation of
alerts ask, never a page view. Supabase is not asked: its state is known from deliveries.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress

from celery import current_app
from django.core.cache.backends.dummy import DummyCache
from django.db import DatabaseError

from spool_live import heartbeats
from spool_live.conf import live_settings
from spool_live.status.connections import ask_connections
from spool_live.supabase.databases import content_databases
from spool_live.throttling.counting import shared_cache

PATIENCE = 2
"""Seconds that broker and cache may take to answer, in each of two attempts."""
SILENT = "no answer"
Part = heartbeats.Part


class Probe:
    """A probe of one server, which gives up after ``PATIENCE``.

    A server that hangs blocks one thread; no second thread asks it meanwhile.
    """

    def __init__(self, part: Part, ask: Callable[[], None]) -> None:
        self._part = part
        self._ask = ask
        self._thread: threading.Thread | None = None
        self._error = ""

    def run(self) -> str:
        """Ask, store the outcome on every content database, and return the error or "".

        Asks twice: one late answer on a busy machine is not an outage.
        """
        error = self._try() and self._try()
        for using in content_databases():
            if error:
                heartbeats.failed(using, self._part, error)
            else:
                heartbeats.succeeded(using, self._part)
        return error

    def _try(self) -> str:
        if self._thread is None or not self._thread.is_alive():
            self._error = SILENT
            self._thread = threading.Thread(target=self._work, name="spool-probe", daemon=True)
            self._thread.start()
        self._thread.join(PATIENCE)
        return SILENT if self._thread.is_alive() else self._error

    def _work(self) -> None:
        try:
            self._ask()
        except Exception as error:  # noqa: BLE001 - whatever a client library raises
            self._error = type(error).__name__
        else:
            self._error = ""


def probe() -> None:
    """Ask broker and cache, if they are in use, and count the clients of Realtime."""
    if live_settings().nudge:
        _broker.run()
    if not isinstance(shared_cache(), DummyCache):
        _cache.run()
    with suppress(DatabaseError):  # the status reports a database that does not answer
        ask_connections()


def _ask_broker() -> None:
    with current_app.connection_for_write(connect_timeout=PATIENCE) as connection:
        connection.ensure_connection(max_retries=1, timeout=PATIENCE)
        connection.default_channel  # noqa: B018 - some transports connect only here


def _ask_cache() -> None:
    shared_cache().get("spool-live-probe")


_broker = Probe(Part.BROKER, _ask_broker)
_cache = Probe(Part.CACHE, _ask_cache)
