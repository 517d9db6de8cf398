"""A process that records an edit looks after the alerts now and then, off its request.

So a stopped beat is reported as well. At most once a minute over all processes, and where somebody
evaluates regularly, never.
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
"""Seconds after the edit: what it says of updates that wait should be true of this one."""


class AlertWatch:
    """Evaluates on a daemon thread a moment after an edit, at most once a minute."""

    def __init__(self, work: Callable[[], object], *, delay: float = DELAY) -> None:
        self._work = work
        self._delay = delay
        self._lock = threading.Lock()
        self._next = float("-inf")

    def is_due(self, now: float) -> bool:
        """Return whether an edit at the moment ``now`` would look after the alerts."""
        return now >= self._next

    def edited(self, now: float) -> None:
        """Take note of an edit and return at once."""
        if not self.is_due(now):
            return
        with self._lock:
            if now < self._next:
                return
            self._next = now + EVERY.total_seconds()
        threading.Thread(target=self._run, name="spool-alerts", daemon=True).start()

    def after_fork(self) -> None:
        """Forget the thread: a child process has none of its parent's."""
        self._lock = threading.Lock()
        self._next = float("-inf")

    def _run(self) -> None:
        time.sleep(self._delay)
        try:
            self._work()
        except Exception as error:  # noqa: BLE001 - the edit is long over; others evaluate as well
            logger.warning("alerts were not evaluated: %s", type(error).__name__)
        finally:
            connections.close_all()


watch = AlertWatch(lambda: evaluate_if_overdue(EVERY))


def on_outbox_committed(**kwargs: Any) -> None:
    """Receiver of ``outbox_committed``."""
    now = time.monotonic()
    if watch.is_due(now) and live_settings().alert_on_edits and not is_muted():
        watch.edited(now)


def connect() -> None:
    """Look after the alerts when edits are recorded. Connecting twice is harmless."""
    outbox_committed.connect(on_outbox_committed, dispatch_uid="spool_live.alerts")


os.register_at_fork(after_in_child=watch.after_fork)
