"""What is worth a notice. Pure: from the status and the totals, without a database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from spool_live.conf import LiveSettings
from spool_live.status import Problem, Status, Totals

WARNING = "warning"
"""The state of what keeps no update from arriving, and somebody should know nevertheless."""


@dataclass(frozen=True, slots=True)
class Alert:
    """A rule that holds now. ``subject`` keeps apart what the rule says of several sites."""

    rule: str
    subject: str
    state: str
    summary: str
    remedy: str
    since: datetime

    @property
    def key(self) -> str:
        """What an episode is open for."""
        return f"{self.rule}|{self.subject}"


def firing(
    status: Status, totals: Iterable[tuple[str, Totals]], settings: LiveSettings
) -> list[Alert]:
    """The alerts of ``status``, and those of the ``totals`` of each content database."""
    alerts = [_of_problem(problem) for problem in status.problems]
    for using, found in totals:
        alerts += _of_totals(using, found, status.at, settings)
    return alerts


def _of_problem(problem: Problem) -> Alert:
    subject = str(problem.site_id) if problem.site_id else problem.using
    kind, state = problem.kind.value, problem.state.value
    return Alert(kind, subject, state, problem.reason, problem.remedy, problem.since)


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
