"""The health of an endpoint: ``ok``, ``delayed``, ``failing`` or ``disabled``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.db.models import Count, Q
from django.utils import timezone

from spool_live.models import SiteDelivery, WebhookDelivery, WebhookEndpoint, WebhookMessage

FAILING_AFTER = timedelta(minutes=1)
"""How long all attempts must have failed for ``failing`` instead of ``delayed``."""
State = WebhookMessage.State


class Health(StrEnum):
    """The state of an endpoint."""

    OK = "ok"
    DELAYED = "delayed"
    FAILING = "failing"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True)
class EndpointHealth:
    """The state of an endpoint, a sentence on it, and how many messages wait or were given up."""

    state: Health
    words: str
    waiting: int
    failed: int


def health_of(
    endpoints: Iterable[WebhookEndpoint], *, using: str
) -> dict[WebhookEndpoint, EndpointHealth]:
    """Return the health of each of ``endpoints``. Takes three queries for any number of them."""
    chosen = list(endpoints)
    pks = [endpoint.pk for endpoint in chosen]
    deliveries = WebhookDelivery.objects.using(using).in_bulk(pks)
    sites = SiteDelivery.objects.using(using).in_bulk([endpoint.site_id for endpoint in chosen])
    rows = WebhookMessage.objects.using(using).filter(endpoint__in=pks).order_by()
    counted = rows.values("endpoint").annotate(
        waiting=Count("pk", filter=Q(state=State.WAITING)),
        failed=Count("pk", filter=Q(state=State.FAILED)),
    )
    counts = {row["endpoint"]: (row["waiting"], row["failed"]) for row in counted}
    now = timezone.now()
    found = {}
    for endpoint in chosen:
        delivery = deliveries.get(endpoint.pk) or WebhookDelivery(endpoint=endpoint)
        site = sites.get(endpoint.site_id)
        behind = max((site.last_seq if site else 0) - delivery.cursor_seq, 0)
        waiting, failed = counts.get(endpoint.pk, (0, 0))
        state, words = _judge(endpoint, delivery, behind + waiting, now)
        if failed:
            words += f" {failed:,} messages were given up: see live_webhook resend."
        found[endpoint] = EndpointHealth(state, words, behind + waiting, failed)
    return found


def _judge(
    endpoint: WebhookEndpoint, delivery: WebhookDelivery, waiting: int, now: datetime
) -> tuple[Health, str]:
    if endpoint.disabled:
        since = f" since {endpoint.disabled_at:%Y-%m-%d %H:%M}" if endpoint.disabled_at else ""
        reason = WebhookEndpoint.Disabled(endpoint.disabled).label
        return Health.DISABLED, f"Nothing is sent{since}: {reason}."
    failing_since = delivery.failing_since
    if failing_since and now - failing_since >= FAILING_AFTER:
        return Health.FAILING, (
            f"Every attempt has failed since {failing_since:%Y-%m-%d %H:%M}, {delivery.failures:,} "
            f"in a row: {delivery.last_error}. {waiting:,} messages wait."
        )
    if delivery.failures:
        return Health.DELAYED, f"The last attempt failed: {delivery.last_error}."
    if waiting:
        return Health.DELAYED, f"{waiting:,} messages wait."
    if delivery.last_success_at is None:
        return Health.OK, "Nothing was sent yet."
    return (
        Health.OK,
        f"Everything was accepted; last at {delivery.last_success_at:%Y-%m-%d %H:%M:%S}.",
    )
