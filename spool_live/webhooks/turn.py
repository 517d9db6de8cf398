"""A turn: number, claim, run and settle, until no message may be sent now.

Each endpoint's requests run on a thread of its own; only the caller's thread uses the database. A
request that takes longer than ``SLOW_AFTER`` does not count against ``WEBHOOK_CONCURRENCY`` any
longer, so that receivers that hang do not delay the others.
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
"""Seconds after which a request counts as hanging."""
MAX_AT_ONCE = 500
"""How many requests of one process may be under way, including those that hang."""
MAX_FAILING = 200
"""How many of them may be to endpoints whose last attempt failed."""
LOOK_EVERY = 0.2
"""Seconds between two looks for more messages while requests are under way."""


@dataclass
class SendReport:
    """How many attempts of a turn succeeded and failed, and why messages wait."""

    sent: int = 0
    failed: int = 0
    reasons: set[str] = field(default_factory=set)


@dataclass(eq=False)
class _ActiveRun:
    job: Job
    since: float = 0.0
    attempts: list[Attempt] = field(default_factory=list)


def send_pending(
    using: str,
    *,
    client: Client | None = None,
    is_ending: Callable[[], bool] = lambda: False,
) -> SendReport:
    """Send the messages for the endpoints on ``using``, until none may be sent now.

    Once ``is_ending`` returns ``True``, no more requests are begun. Raises no error that a receiver
    can cause.
    """
    return WebhookTurn(using, client, is_ending).go()


class WebhookTurn:
    """One turn on ``using``, see ``send_pending``. Other threads may call ``look`` only."""

    def __init__(
        self,
        using: str,
        client: Client | None = None,
        is_ending: Callable[[], bool] = lambda: False,
    ) -> None:
        self._using = using
        self._client = client or clients.shared()
        self._is_ending = is_ending
        self._running: set[_ActiveRun] = set()
        self._done: queue.SimpleQueue[_ActiveRun | None] = queue.SimpleQueue()
        self._report = SendReport()

    def look(self) -> None:
        """Let the turn look for more messages at once, without waiting for a request to end."""
        self._done.put(None)

    def go(self) -> SendReport:
        """Send until no message may be sent now; return what was done."""
        while True:
            if not self._is_ending() and (sites := sites_with_endpoints(self._using)):
                self._number(sites)
                self._begin()
            if not self._running:
                return self._report
            self._collect()

    def _number(self, sites: set[uuid.UUID]) -> None:
        if outbox.number_waiting(self._using, sites):
            notify_committed(self._using)  # delivery may have skipped a site that was locked here

    def _begin(self) -> None:
        now = time.monotonic()
        quick = sum(now - active.since < SLOW_AFTER for active in self._running)
        room = min(live_settings().webhook_concurrency - quick, MAX_AT_ONCE - len(self._running))
        failing = sum(active.job.delivery.failures > 0 for active in self._running)
        if room <= 0:
            return
        for job in claim(self._using, room, include_failing=failing < MAX_FAILING):
            if job.error or not job.messages:
                self._settle(_ActiveRun(job))
                continue
            active = _ActiveRun(job, since=now)
            self._running.add(active)
            threading.Thread(
                target=self._run, args=(active,), name="spool-webhook", daemon=True
            ).start()

    def _run(self, active: _ActiveRun) -> None:
        def began() -> None:
            active.since = time.monotonic()

        try:
            active.attempts = run(active.job, self._client, began=began)
        except Exception as error:
            logger.exception("a run of webhooks failed unexpectedly")
            active.job.error = f"an unexpected error ({type(error).__name__}), see the log"
        self._done.put(active)

    def _collect(self) -> None:
        """Wait for a run to end or for ``look``, at most ``LOOK_EVERY``; settle all runs that have
        ended."""
        try:
            active = self._done.get(timeout=LOOK_EVERY)
            while True:
                if active is not None:
                    self._running.discard(active)
                    self._settle(active)
                active = self._done.get_nowait()
        except queue.Empty:
            return

    def _settle(self, active: _ActiveRun) -> None:
        for attempt in active.attempts:
            if attempt.answer.is_success:
                self._report.sent += 1
            else:
                self._report.failed += 1
                self._report.reasons.add(attempt.answer.error)
        if active.job.error:
            self._report.reasons.add(active.job.error)
        if not settle(self._using, active.job, active.attempts):
            logger.warning("the lease of webhook endpoint %s was lost", active.job.endpoint.pk)
