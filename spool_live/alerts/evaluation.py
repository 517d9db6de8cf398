"""One evaluation: read the status, open and close episodes, send the notices that are due."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta

import httpx
from django.utils import timezone

from spool_live import heartbeats, samples, status
from spool_live.alerts import channels, episodes, notices, trends
from spool_live.alerts.rules import firing
from spool_live.alerts.webhooks import of_endpoints
from spool_live.conf import live_settings
from spool_live.status import State
from spool_live.supabase.databases import content_databases

logger = logging.getLogger(__name__)
Part = heartbeats.Part
PING_PATIENCE = 5.0
"""Seconds that the heartbeat URL may take."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What one evaluation found and did."""

    state: State
    firing: tuple[str, ...]
    opened: int
    closed: int
    sent: int


def evaluate() -> Evaluation:
    """Evaluate all rules. Safe to be called by any number of processes at once.

    Raises ``DatabaseError`` where the first content database, which holds the episodes, does not
    answer.
    """
    settings = live_settings()
    status.probe()
    found = status.determine()
    using = content_databases()[0]
    unanswered = {p.using for p in found.problems if p.kind is status.Kind.DATABASE}
    totals = [
        (alias, status.of_database(alias, found.at))
        for alias in content_databases()
        if alias not in unanswered
    ]
    now = timezone.now()
    samples.note(using, now, _levels(found, [total for _, total in totals]))
    over_time = trends.trends(using, now)
    alerts = firing(found, totals, over_time, settings)
    alerts += [alert for alias, _ in totals for alert in of_endpoints(alias)]
    named = channels.configured()
    keys = tuple(sorted({alert.key for alert in alerts}))
    episodes.note(using, alerts, now)
    opened = episodes.open_lasting(using, now, settings, named)
    closed = episodes.close_quiet(using, keys, now, settings.alert_clear_after, named)
    sent = notices.send_due(using, timezone.now())
    heartbeats.succeeded(using, Part.ALERTS)
    _ping(settings.alert_heartbeat_url)
    return Evaluation(found.state, keys, opened, closed, sent)


def _levels(found: status.Status, totals: list[status.Totals]) -> dict[str, float | None]:
    """Return what a sample holds beside the counters, of the databases that answer."""
    known = (status.connections_of(part, found.at) for part in found.parts)
    connected = [number for number in known if number is not None]
    if not totals:
        return {}
    oldest = [total.oldest for total in totals if total.oldest]
    return {
        "pending": sum(total.entries["pending"] for total in totals),
        "dead": sum(total.entries["dead"] for total in totals),
        "oldest": (found.at - min(oldest)).total_seconds() if oldest else 0.0,
        "connections": sum(connected) if connected else None,
    }


def evaluate_if_overdue(interval: timedelta) -> Evaluation | None:
    """Evaluate unless some process has within ``interval``; of those that try at once one does."""
    is_claimed = heartbeats.claim(content_databases()[0], Part.ALERTS, interval)
    return evaluate() if is_claimed else None


def _ping(url: str) -> None:
    """Request ``url``, a dead man's switch: its service raises the alarm when requests stop."""
    if not url:
        return
    try:
        httpx.get(url, timeout=PING_PATIENCE).raise_for_status()
    except httpx.HTTPError as error:
        logger.warning("the heartbeat URL was not reached: %s", type(error).__name__)
