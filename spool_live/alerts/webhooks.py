"""Alerts about endpoints that were disabled because of what they answered."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils import timezone

from spool_live.alerts.rules import WARNING, Alert
from spool_live.models import WebhookEndpoint

Disabled = WebhookEndpoint.Disabled


def of_endpoints(using: str) -> Iterator[Alert]:
    """Yield an alert for each endpoint on ``using`` that was disabled, but not by a person."""
    disabled = WebhookEndpoint.objects.using(using).filter(
        disabled__in=[Disabled.GONE, Disabled.FAILED]
    )
    for endpoint in disabled.select_related("site", "delivery"):
        error = endpoint.delivery.last_error
        yield Alert(
            "webhook_disabled",
            str(endpoint.pk),
            WARNING,
            f"The webhooks of {endpoint.site} to {endpoint} are disabled: "
            f"{Disabled(endpoint.disabled).label}{f' ({error})' if error else ''}.",
            f"See manage.py live_webhook log {endpoint.pk}. When the receiver works again: "
            f"manage.py live_webhook enable {endpoint.pk}, then resend; or delete it.",
            endpoint.disabled_at or timezone.now(),
        )
