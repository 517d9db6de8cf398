"""The nudge: after a commit, notify a worker that updates wait, so that it delivers them at once.

A background thread sends it, at most once per interval and process, so the broker can neither slow
nor break a save. If a nudge is lost, the next sweep delivers the updates a little later.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
from collections.abc import Callable
from typing import Any

from django.db import connections

from spool_live.conf import live_settings
from spool_live.muting import is_muted
from spool_live.signals import outbox_committed

logger = logging.getLogger(__name__)

FLUSH_AT_EXIT = 1.0
"""Seconds that a process waits at its end until its last nudge is sent."""
HANGS_AFTER = 5.0
"""Seconds after which a broker that does not answer is logged and reported."""
UNDER_LOAD = 5
"""The longest interval, as a multiple of ``NUDGE_INTERVAL``, while edits come in all the time."""
QUIET_AFTER_FAILURE = 30.0
"""Minimum of seconds between two log lines about a broker that cannot be reached."""


class Nudger:
    """A sender of at most one nudge per alias and interval, on one daemon thread per process.

    ``send`` is called with the alias to send a nudge; it may block or raise. If it does, ``report``
    is called with the alias and the reason; it must neither block nor raise.
    """

    def __init__(
        self, send: Callable[[str], None], report: Callable[[str, str], None] | None = None
    ) -> None:
        self._send = send
        self._report = report or _report_nothing
        self._quiet_until = 0.0
        self._thread: threading.Thread | None = None
        self._reset()

    def nudge(self, using: str) -> None:
        """Ask for a nudge and return at once."""
        with self._condition:
            self._waiting.add(using)
            self._asked += 1
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="spool-nudge", daemon=True)
                self._thread.start()
            self._condition.notify()
            since = self._busy_since
        if since is not None and time.monotonic() - since >= HANGS_AFTER:
            self._report(using, "no answer")
            self._warn("The broker does not answer: updates wait for the next sweep.")

    def flush(self, timeout: float) -> bool:
        """Wait at most ``timeout`` seconds until all nudges are sent; return whether they are."""
        with self._condition:
            return self._condition.wait_for(
                lambda: not self._waiting and self._busy_since is None, timeout
            )

    def after_fork(self) -> None:
        """Forget the thread and the waiting nudges. To be called in a child process: it does not
        inherit the thread, and its parent sends the nudges."""
        self._reset()

    def _reset(self) -> None:
        self._condition = threading.Condition()
        self._waiting: set[str] = set()
        self._asked = 0
        self._busy_since: float | None = None
        self._thread = None

    def _run(self) -> None:
        wait = 0.0
        while True:
            with self._condition:
                wait = next_wait(wait, self._asked)
                self._condition.wait_for(lambda: bool(self._waiting))
                using = self._waiting.pop()
                self._asked = 0
                self._busy_since = time.monotonic()
            self._try_to_send(using)
            with self._condition:
                self._busy_since = None
                self._condition.notify_all()
            time.sleep(wait)

    def _try_to_send(self, using: str) -> None:
        try:
            self._send(using)
        except Exception as error:  # noqa: BLE001 - a broker may raise anything; the sweep delivers
            name = type(error).__name__
            self._report(using, name)
            self._warn(f"The broker cannot be reached ({name}): updates wait for the next sweep.")

    def _warn(self, message: str) -> None:
        now = time.monotonic()
        if now >= self._quiet_until:
            self._quiet_until = now + QUIET_AFTER_FAILURE
            logger.warning(message)


def next_wait(last: float, asked: int) -> float:
    """Return the seconds to wait after the next nudge, if ``asked`` more were requested during the
    ``last`` wait.

    While edits come in all the time the wait doubles, up to ``UNDER_LOAD`` times
    ``NUDGE_INTERVAL``, because a worker that is busy needs few reminders. Otherwise it is
    ``NUDGE_INTERVAL``.
    """
    shortest = live_settings().nudge_interval.total_seconds()
    longest = UNDER_LOAD * shortest
    return shortest if asked * shortest < last else min(max(2 * last, shortest), longest)


def _send_task(using: str) -> None:
    from spool_live.tasks import deliver_updates  # noqa: PLC0415 - the thread pays for the import

    try:
        deliver_updates.apply_async(kwargs={"using": using}, retry=False, ignore_result=True)
    finally:
        connections.close_all()  # with an eager Celery the task ran on this thread


def _report_nothing(using: str, reason: str) -> None:
    """Do nothing: the default for ``report``."""


def _report_broker(using: str, reason: str) -> None:
    from spool_live import heartbeats  # noqa: PLC0415 - needs models, which a Nudger does not

    heartbeats.later(using, heartbeats.Part.BROKER, reason)


nudger = Nudger(_send_task, _report_broker)


def on_outbox_committed(using: str, **kwargs: Any) -> None:
    """Nudge a worker. The receiver of ``outbox_committed``."""
    if live_settings().nudge and not is_muted():
        nudger.nudge(using)


def connect() -> None:
    """Connect the receiver, so that every commit that recorded something sends a nudge.

    Connecting twice is harmless.
    """
    outbox_committed.connect(on_outbox_committed, dispatch_uid="spool_live.nudge")


os.register_at_fork(after_in_child=nudger.after_fork)
atexit.register(lambda: nudger.flush(FLUSH_AT_EXIT))
