"""Naive webhooks: read a row, sign it, and post it over a new connection."""

from __future__ import annotations

import requests
from django.utils import timezone

from spool_live.models import OutboxEntry, WebhookEndpoint
from spool_live.webhooks import messages, signing

_SECRET = signing.new_hmac_secret()


def post(pk: int) -> None:
    """Send the outbox entry ``pk`` to the one endpoint of its site."""
    entry = OutboxEntry.objects.get(pk=pk)
    endpoint = WebhookEndpoint.objects.get(site_id=entry.site_id)
    body = messages.body(entry.as_update())
    headers = signing.sign([_SECRET], str(entry.update_id), timezone.now(), body)
    requests.post(endpoint.url, body.encode(), headers=headers, timeout=15)
