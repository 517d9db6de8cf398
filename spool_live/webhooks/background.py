"""Sending beside everything else: one thread a process, which works while there is something.

Whoever delivers wakes it and goes on: so receivers that hang never hold up what goes to Supabase,
nor Supabase the webhooks, however few workers there are.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time

from django.db import connections

from spool_live.webhooks.claiming import sites_with_endpoints
from spool_live.webhooks.turn import WebhookTurn

logger = logging.getLogger(__name__)

NO_ENDPOINT_FOR = 1.0
"""Seconds for which it is believed that there is no endpoint at all, once looked."""
END_WITHIN = 3.0
"""Seconds that a process which ends waits for requests under way. A lease that is not given back
ends by itself."""


class Sender:
    """Sends for the aliases that it was woken for, on one daemon thread."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget everything: a child process has no thread of its parent."""
        self._condition = threading.Condition()
        self._woken: set[str] = set()
        self._no_endpoint_until: dict[str, float] = {}
        self._thread: threading.Thread | None = None
        self._turn: WebhookTurn | None = None
        self._ends = False

    def wake(self, using: str) -> None:
        """Look for what is due on ``using``, soon and on another thread."""
        with self._condition:
            if self._ends or time.monotonic() < self._no_endpoint_until.get(using, 0.0):
                return
            self._woken.add(using)
            if self._turn is not None:
                self._turn.look()
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="spool-webhooks", daemon=True
                )
                self._thread.start()

    def finish(self, timeout: float) -> None:
        """Begin nothing more, and wait at most ``timeout`` seconds for what is under way."""
        with self._condition:
            self._ends = True
            thread = self._thread
        if thread is not None:
            thread.join(timeout)

    def _run(self) -> None:
        try:
            while using := self._next():
                self._send(using)
        finally:
            connections.close_all()

    def _next(self) -> str | None:
        with self._condition:
            if self._woken and not self._ends:
                return self._woken.pop()
            self._thread = None
            return None

    def _send(self, using: str) -> None:
        try:
            if sites_with_endpoints(using):
                self._turn = WebhookTurn(using, is_ending=lambda: self._ends)
                self._turn.go()
            else:
                self._no_endpoint_until[using] = time.monotonic() + NO_ENDPOINT_FOR
        except Exception:
            logger.exception("webhooks wait for the next sweep")
            connections.close_all()
        finally:
            self._turn = None


sender = Sender()
os.register_at_fork(after_in_child=sender.reset)
atexit.register(lambda: sender.finish(END_WITHIN))
