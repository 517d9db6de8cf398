"""Counts over a content database: a handful of indexed queries."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Min, Q, Sum

from spool_live import outbox
from spool_live.models import FailedAuthentication, OutboxEntry, SiteApiKey, SiteDelivery


@dataclass(frozen=True, slots=True)
class Totals:
    """What is in a content database, over all its sites."""

    entries: dict[str, int]
    """Outbox entries by state, ``pending`` and ``dead``."""
    oldest: datetime | None
    """When the oldest pending update was recorded."""
    sites_held_up: int
    sites_mirror_pending: int
    api_keys: dict[str, int]
    """API keys by ``active``, ``expired`` and ``revoked``."""
    failed_authentications: dict[str, int]
    """Those of the last hour, by reason."""


def of_database(using: str, now: datetime) -> Totals:
    """Return the totals of the content database ``using``."""
    entries = OutboxEntry.objects.using(using)
    pending = entries.filter(state=OutboxEntry.State.PENDING)
    sites = SiteDelivery.objects.using(using)
    return Totals(
        entries={
            "pending": pending.count(),
            "dead": entries.filter(state=OutboxEntry.State.DEAD).count(),
        },
        oldest=pending.aggregate(oldest=Min("timestamp"))["oldest"],
        sites_held_up=sites.exclude(retry_at=None).count(),
        sites_mirror_pending=outbox.behind(using).count(),
        api_keys=_api_keys(using, now),
        failed_authentications=_failed_authentications(using, now - timedelta(hours=1)),
    )


def _api_keys(using: str, now: datetime) -> dict[str, int]:
    return SiteApiKey.objects.using(using).aggregate(
        active=Count("pk", filter=Q(revoked_at=None) & ~Q(expires_at__lte=now)),
        expired=Count("pk", filter=Q(revoked_at=None, expires_at__lte=now)),
        revoked=Count("pk", filter=Q(revoked_at__isnull=False)),
    )


def _failed_authentications(using: str, since: datetime) -> dict[str, int]:
    recent = FailedAuthentication.objects.using(using).filter(last_at__gt=since)
    by_reason = recent.values("reason").order_by("reason").annotate(total=Sum("count"))
    found = {row["reason"]: row["total"] for row in by_reason}
    return {reason: found.get(reason, 0) for reason in FailedAuthentication.Reason.values}
