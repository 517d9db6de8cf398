"""Creating, disabling and enabling endpoints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import router, transaction
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from spool_live.models import Site, SiteDelivery, WebhookDelivery, WebhookEndpoint, WebhookSecret
from spool_live.updates import EventType
from spool_live.webhooks import guard, secrets
from spool_live.webhooks.signing import PlainSecret

Disabled = WebhookEndpoint.Disabled


@sensitive_variables()
def create_endpoint(
    site: Site,
    url: str,
    *,
    description: str = "",
    event_types: Sequence[str] = (),
    collections: Sequence[str] = (),
    rate: int = 0,
    scheme: WebhookSecret.Scheme = WebhookSecret.Scheme.HMAC,
    using: str | None = None,
) -> tuple[WebhookEndpoint, PlainSecret]:
    """Return a new endpoint of ``site``, and what its receiver needs to verify messages.

    That is the secret, which is shown only now, or the public key for the scheme ``v1a``. The
    endpoint gets the updates that have no number yet, and all later ones. Raises
    ``EndpointRefusedError`` for a URL that may not be sent to, and ``ValueError`` for an unknown
    event type.
    """
    alias = using or router.db_for_write(WebhookEndpoint, instance=site)
    check(url, event_types)
    with transaction.atomic(using=alias):
        endpoint = WebhookEndpoint(
            site=site,
            url=url,
            description=description,
            event_types=list(event_types),
            collections=list(collections),
            rate=rate,
        )
        endpoint.save(using=alias)
        return endpoint, secrets.add_secret(endpoint, scheme, using=alias)


def check(url: str, event_types: Sequence[str]) -> None:
    """Check ``url`` and ``event_types``; raises the errors of ``create_endpoint``.

    A host name that cannot be resolved is accepted: it may be resolved later.
    """
    known = [event.value for event in EventType]
    for event_type in event_types:
        if event_type not in known:
            choices = ", ".join(known)
            raise ValueError(f"{event_type!r} is not an event type: choose from {choices}.")
    guard.check_endpoint(url)


def disable(endpoint: WebhookEndpoint, reason: WebhookEndpoint.Disabled, *, using: str) -> bool:
    """Disable ``endpoint``: it gets nothing more. Returns whether it was enabled before."""
    enabled = WebhookEndpoint.objects.using(using).filter(pk=endpoint.pk, disabled="")
    return bool(enabled.update(disabled=reason, disabled_at=timezone.now()))


def enable(endpoint: WebhookEndpoint, *, using: str) -> None:
    """Enable ``endpoint``: it gets updates from now on; ``replay`` can send earlier ones."""
    with transaction.atomic(using=using):
        rows = WebhookEndpoint.objects.using(using).filter(pk=endpoint.pk).exclude(disabled="")
        if not rows.update(disabled="", disabled_at=None):
            return
        numbers = SiteDelivery.objects.using(using).filter(pk=endpoint.site_id)
        newest = numbers.values_list("last_seq", flat=True).first() or 0
        fresh: dict[str, Any] = {"failures": 0, "failing_since": None, "resting_until": None}
        WebhookDelivery.objects.using(using).filter(pk=endpoint.pk).update(
            cursor_seq=newest, last_error="", **fresh
        )
