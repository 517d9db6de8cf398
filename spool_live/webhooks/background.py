"""Sending webhooks in the background: a thread of the process, which runs while there is something
to send.

Delivery wakes the thread and goes on. So receivers that hang do not delay delivery to Supabase, nor
does Supabase delay webhooks, even with a single worker.
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
"""Seconds for which a look that found no endpoint is not repeated."""
END_WITHIN = 3.0
"""Seconds that a process waits for requests under way when it exits. A lease that it does not give
back expires."""


class Sender:
    """Sends the webhooks of the aliases that it was woken for, on a daemon thread."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Start afresh: a forked child has none of its parent's threads."""
        self._condition = threading.Condition()
        self._woken: set[str] = set()
        self._no_endpoint_until: dict[str, float] = {}
        self._thread: threading.Thread | None = None
        self._turn: WebhookTurn | None = None
        self._is_ending = False

    def wake(self, using: str) -> None:
        """Let the thread look soon for webhooks that are due on ``using``."""
        with self._condition:
            if self._is_ending or time.monotonic() < self._no_endpoint_until.get(using, 0.0):
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
        """Begin no more requests; wait at most ``timeout`` seconds for those under way."""
        with self._condition:
            self._is_ending = True
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
            if self._woken and not self._is_ending:
                return self._woken.pop()
            self._thread = None
            return None

    def _send(self, using: str) -> None:
        try:
            if sites_with_endpoints(using):
                self._turn = WebhookTurn(using, is_ending=lambda: self._is_ending)
                self._turn.go()
            else:
                self._no_endpoint_until[using] = time.monotonic() + NO_ENDPOINT_FOR
        except Exception:
            logger.exception("sending webhooks failed: they wait for the next sweep")
            connections.close_all()
        finally:
            self._turn = None


sender = Sender()
os.register_at_fork(after_in_child=sender.reset)
atexit.register(lambda: sender.finish(END_WITHIN))
