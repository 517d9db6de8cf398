"""A process that records an edit evaluates the alerts now and then, outside of its request.

So a stopped beat is reported as well. All processes together do so at most once a minute, and not
at all while celery beat or ``live_alerts`` evaluates regularly.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db import connections

from spool_live.alerts.evaluation import evaluate_if_overdue
from spool_live.conf import live_settings
from spool_live.muting import is_muted
from spool_live.signals import outbox_committed

logger = logging.getLogger(__name__)

EVERY = timedelta(minutes=1)
DELAY = 30.0
"""Seconds from the edit to the evaluation: by then its update has arrived, or is really late."""


class AlertWatch:
    """Evaluates the alerts on a daemon thread a moment after an edit, at most once a minute."""

    def __init__(self, work: Callable[[], object], *, delay: float = DELAY) -> None:
        self._work = work
        self._delay = delay
        self._lock = threading.Lock()
        self._next = float("-inf")

    def is_due(self, now: float) -> bool:
        """Return whether an edit at ``now`` (seconds of ``monotonic``) starts an evaluation."""
        return now >= self._next

    def edited(self, now: float) -> None:
        """Start an evaluation if one is due, and return at once."""
        with self._lock:
            if not self.is_due(now):
                return
            self._next = now + EVERY.total_seconds()
        threading.Thread(target=self._run, name="spool-alerts", daemon=True).start()

    def after_fork(self) -> None:
        """Begin anew in a child process, which has none of its parent's threads."""
        self._lock = threading.Lock()
        self._next = float("-inf")

    def _run(self) -> None:
        time.sleep(self._delay)
        try:
            self._work()
        except Exception as error:  # noqa: BLE001 - the edit is committed; others evaluate too
            logger.warning("alerts were not evaluated: %s", type(error).__name__)
        finally:
            connections.close_all()


watch = AlertWatch(lambda: evaluate_if_overdue(EVERY))


def on_outbox_committed(**kwargs: Any) -> None:
    """Start an evaluation if one is due: the receiver of ``outbox_committed``."""
    now = time.monotonic()
    if watch.is_due(now) and live_settings().alert_on_edits and not is_muted():
        watch.edited(now)


def connect() -> None:
    """Evaluate the alerts after edits from now on. Connecting twice is harmless."""
    outbox_committed.connect(on_outbox_committed, dispatch_uid="spool_live.alerts")


os.register_at_fork(after_in_child=watch.after_fork)
