"""The alert rules. Pure: they read the status, the totals and the trends, not a database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from spool_live.alerts.trends import Trends
from spool_live.conf import LiveSettings
from spool_live.status import Problem, Status, Totals, connections_of

WARNING = "warning"
"""The state of an alert about something that keeps no update from arriving."""


SLOW = 1.0
"""Seconds below which a latency is never worth a notice, however fast the week before was."""


@dataclass(frozen=True, slots=True)
class Alert:
    """A rule that fires now. ``subject`` is what it is about: a site, an endpoint, a database."""

    rule: str
    subject: str
    state: str
    summary: str
    remedy: str
    since: datetime

    @property
    def key(self) -> str:
        """Rule and subject: one episode at most is open for them."""
        return f"{self.rule}|{self.subject}"


def firing(
    status: Status,
    totals: Iterable[tuple[str, Totals]],
    trends: Trends,
    settings: LiveSettings,
) -> list[Alert]:
    """Return the alerts of ``status``, of what the counters say over time (``trends``), and of the
    ``totals`` of each content database."""
    alerts = [_of_problem(problem) for problem in status.problems]
    alerts += _of_trends(trends, status.at, settings)
    alerts += _of_connections(status, settings)
    for using, found in totals:
        alerts += _of_totals(using, found, status.at, settings)
    return alerts


def _of_problem(problem: Problem) -> Alert:
    subject = str(problem.site_id) if problem.site_id else problem.using
    kind, state = problem.kind.value, problem.state.value
    return Alert(kind, subject, state, problem.reason, problem.remedy, problem.since)


def _of_trends(trends: Trends, now: datetime, settings: LiveSettings) -> Iterator[Alert]:
    throttled = sum(trends.throttled.values())
    if 0 < settings.alert_throttled <= throttled:
        limit, number = max(trends.throttled.items(), key=lambda item: item[1])
        yield Alert(
            "throttled",
            "",
            WARNING,
            f"{throttled:,} requests were answered with 429 within the last hour, most of them by "
            f"the limit {limit} ({number:,}).",
            "See which key or address asks so often, in the web server's log; if a client has "
            "good reasons, raise TOKEN_RATE, UPDATES_RATE or ADDRESS_RATE.",
            now,
        )
    recent, week = trends.recent_p95, trends.week_p95
    if not settings.alert_latency_factor or recent is None or week is None:
        return
    if recent >= max(SLOW, settings.alert_latency_factor * week):
        yield Alert(
            "latency",
            "",
            WARNING,
            f"95 of 100 updates arrived within {recent:.1f} s in the last minutes, and within "
            f"{week:.1f} s in the week before.",
            "See manage.py live_status, the load of workers and databases, and the request times "
            "at Supabase in the metrics.",
            now,
        )


def _of_connections(status: Status, settings: LiveSettings) -> Iterator[Alert]:
    if not settings.alert_connections:
        return
    for part in status.parts:
        number = connections_of(part, status.at)
        if number is not None and number >= settings.alert_connections:
            yield Alert(
                "connections",
                part.using,
                WARNING,
                f"{number:,} clients are connected to Realtime.",
                "Supabase refuses more than the project's plan includes: see "
                "manage.py live_capacity, and raise the plan, or let servers share a connection.",
                status.at,
            )


def _of_totals(
    using: str, totals: Totals, now: datetime, settings: LiveSettings
) -> Iterator[Alert]:
    failures = sum(totals.failed_authentications.values())
    if 0 < settings.alert_failed_authentications <= failures:
        worst = max(totals.failed_authentications.items(), key=lambda item: item[1])
        yield Alert(
            "failed_authentications",
            using,
            WARNING,
            f"{failures:,} authentications failed within the last hour, most of them with the "
            f"reason {worst[0]} ({worst[1]:,}).",
            "See the failed authentications in the admin: a key that leaked, or one that expired?",
            now,
        )
    pending = totals.entries["pending"]
    if 0 < settings.alert_outbox_size <= pending:
        yield Alert(
            "outbox_size",
            using,
            WARNING,
            f"{pending:,} updates wait in the outbox.",
            "Start more workers, or see manage.py live_status for what holds them up.",
            now,
        )
