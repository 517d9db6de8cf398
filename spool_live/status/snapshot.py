"""The whole status: determined now, or as this process determined it a moment ago."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from django.db import DatabaseError, connections, transaction
from django.utils import timezone

from spool_live.conf import live_settings
from spool_live.status.judging import judge
from spool_live.status.muted import capture_notices
from spool_live.status.observing import observe, unsent_notices
from spool_live.status.realtime import observe_realtime, realtime_notices, realtime_problems
from spool_live.status.states import Activity, Kind, Problem, State, Status, ordered
from spool_live.supabase.databases import content_databases

GIVEN_UP_AFTER = 4.0
"""Seconds that PostgreSQL may take for one of our queries; longer, as on a locked table, is a
problem."""
SLOW = 2.0
"""Seconds after which the answer of a content database is so late that it is a problem."""
MIN_KEPT, MAX_KEPT = 1.0, 5.0
"""Seconds that a status is kept, at least and at most."""
KEPT = 200
"""A status is kept so many times as long as it took to determine: however often it is requested,
that costs the database half a percent of a core at most."""
_unanswered: dict[str, datetime] = {}
"""Since when this process has had no answer from a content database."""


def determine(now: datetime | None = None) -> Status:
    """Determine the status now.

    A database that does not answer is one of its problems, and raises nothing.
    """
    moment = now or timezone.now()
    problems: list[Problem] = []
    parts: list[Activity] = []
    for using in content_databases():
        started = time.monotonic()
        try:
            with bounded(using):
                seen = observe(using, moment)
        except DatabaseError as error:
            reason = str(error).strip().partition("\n")[0] or type(error).__name__
            since = _unanswered.setdefault(using, moment)
            problems.append(_database(using, since, State.STOPPED, f"does not answer ({reason})"))
            continue
        _unanswered.pop(using, None)
        problems += judge(seen, live_settings())
        parts += seen.heartbeats.values()
        took = time.monotonic() - started
        if took > SLOW:
            problems.append(_database(using, moment, State.DELAYED, f"took {took:.1f} s to answer"))
    realtime = observe_realtime(bounded)
    problems += realtime_problems(realtime, moment)
    notices = [*capture_notices(), *realtime_notices(realtime)]
    if not any(problem.kind is Kind.DATABASE for problem in problems):
        notices += unsent_notices(content_databases()[0])
    return Status(moment, ordered(problems), tuple(notices), tuple(parts))


@contextmanager
def bounded(using: str) -> Iterator[None]:
    """Limit each query inside to ``GIVEN_UP_AFTER`` seconds, if the database is PostgreSQL.

    The limit of a transaction around it is restored afterwards.
    """
    connection = connections[using]
    if connection.vendor != "postgresql":
        yield
        return
    with transaction.atomic(using=using), connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('statement_timeout')")
        [before] = cursor.fetchone()
        limit = f"{int(GIVEN_UP_AFTER * 1000)}ms"
        cursor.execute("SELECT set_config('statement_timeout', %s, true)", [limit])
        yield
        cursor.execute("SELECT set_config('statement_timeout', %s, true)", [before])


class Kept:
    """The status that this process determined last, kept for a few seconds."""

    def __init__(
        self,
        work: Callable[[], Status] = determine,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._work = work
        self._clock = clock
        self._lock = threading.Lock()
        self._status: Status | None = None
        self._until = 0.0

    def get(self) -> Status:
        """Return the status, at most ``MAX_KEPT`` seconds old."""
        with self._lock:  # callers that wait here get the same status, without queries
            if self._status is None or self._clock() >= self._until:
                started = self._clock()
                self._status = self._work()
                took = self._clock() - started
                kept = min(max(KEPT * took, MIN_KEPT), MAX_KEPT)
                self._until = self._clock() + kept
            return self._status

    def forget(self) -> None:
        """Forget the status, so that the next call determines it again."""
        self._status = None


kept = Kept()


def current() -> Status:
    """Return the status for pages that are requested often: at most ``MAX_KEPT`` seconds old."""
    return kept.get()


def _database(using: str, since: datetime, state: State, what: str) -> Problem:
    return Problem(
        Kind.DATABASE,
        state,
        since,
        f"The content database {using} {what}.",
        f'Check DATABASES["{using}"] and its server; run manage.py migrate after an upgrade.',
        using,
    )
