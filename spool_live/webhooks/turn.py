"""A turn: number, claim, run, settle, until nothing may go now.

Requests run on threads, each endpoint on one; the database is asked by the caller's thread alone.
One that does not answer within a quarter of a second no longer counts against
``WEBHOOK_CONCURRENCY``, so those that hang hold up no other.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from spool_live import outbox
from spool_live.conf import live_settings
from spool_live.outbox.record import notify_committed
from spool_live.webhooks import client as clients
from spool_live.webhooks.claiming import Job, claim, sites_with_endpoints
from spool_live.webhooks.client import Client
from spool_live.webhooks.running import Attempt, run
from spool_live.webhooks.settling import settle

logger = logging.getLogger(__name__)

SLOW_AFTER = 0.25
"""Seconds after which a request is taken for one that hangs."""
MAX_AT_ONCE = 500
"""Requests under way in one process, those that hang included."""
MAX_TROUBLED = 200
"""Of them, at endpoints whose last attempt failed."""
LOOK_EVERY = 0.2
"""Seconds between two looks for more while requests are under way."""


@dataclass
class SendReport:
    """What a turn did, in numbers of attempts, and why messages wait."""

    sent: int = 0
    failed: int = 0
    reasons: set[str] = field(default_factory=set)


@dataclass(eq=False)
class _Running:
    job: Job
    since: float = 0.0
    attempts: list[Attempt] = field(default_factory=list)


def send_pending(
    using: str,
    *,
    client: Client | None = None,
    is_ending: Callable[[], bool] = lambda: False,
) -> SendReport:
    """Send what waits for the endpoints on ``using`` until nothing may go now.

    ``is_ending`` says that nothing new is to be begun. Raises nothing that a receiver causes.
    """
    return WebhookTurn(using, client, is_ending).go()


class WebhookTurn:
    """One turn on ``using``, see ``send_pending``. ``look`` is for other threads."""

    def __init__(
        self,
        using: str,
        client: Client | None = None,
        is_ending: Callable[[], bool] = lambda: False,
    ) -> None:
        self._using = using
        self._client = client or clients.shared()
        self._is_ending = is_ending
        self._running: set[_Running] = set()
        self._done: queue.SimpleQueue[_Running | None] = queue.SimpleQueue()
        self._report = SendReport()

    def look(self) -> None:
        """Look for more at once, also while nothing of what is under way has ended."""
        self._done.put(None)

    def go(self) -> SendReport:
        """Send until nothing may go now."""
        while True:
            if not self._is_ending() and (sites := sites_with_endpoints(self._using)):
                self._number(sites)
                self._begin()
            if not self._running:
                return self._report
            self._collect()

    def _number(self, sites: set[uuid.UUID]) -> None:
        if outbox.number_waiting(self._using, sites):
            notify_committed(self._using)  # a claim may have passed a site by that we held

    def _begin(self) -> None:
        now = time.monotonic()
        quick = sum(now - one.since < SLOW_AFTER for one in self._running)
        room = min(live_settings().webhook_concurrency - quick, MAX_AT_ONCE - len(self._running))
        troubled = sum(one.job.delivery.failures > 0 for one in self._running)
        if room <= 0:
            return
        for job in claim(self._using, room, troubled=troubled < MAX_TROUBLED):
            if job.error or not job.messages:
                self._settle(_Running(job))
                continue
            one = _Running(job, since=now)
            self._running.add(one)
            threading.Thread(
                target=self._run, args=(one,), name="spool-webhook", daemon=True
            ).start()

    def _run(self, one: _Running) -> None:
        def began() -> None:
            one.since = time.monotonic()

        try:
            one.attempts = run(one.job, self._client, began=began)
        except Exception as error:
            logger.exception("a run of webhooks ended")
            one.job.error = f"an unexpected error ({type(error).__name__}), see the log"
        self._done.put(one)

    def _collect(self) -> None:
        """Wait for a run to end or for ``look``, a moment at the most, and settle all that have
        ended."""
        try:
            one = self._done.get(timeout=LOOK_EVERY)
            while True:
                if one is not None:
                    self._running.discard(one)
                    self._settle(one)
                one = self._done.get_nowait()
        except queue.Empty:
            return

    def _settle(self, one: _Running) -> None:
        for attempt in one.attempts:
            if attempt.answer.is_success:
                self._report.sent += 1
            else:
                self._report.failed += 1
                self._report.reasons.add(attempt.answer.error)
        if one.job.error:
            self._report.reasons.add(one.job.error)
        if not settle(self._using, one.job, one.attempts):
            logger.warning("the lease of webhook endpoint %s was lost", one.job.endpoint.pk)
