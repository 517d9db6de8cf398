"""Sending again: one message, all that failed, everything since a number; and an example."""

from __future__ import annotations

import uuid
from datetime import datetime
from functools import partial

from django.db import transaction
from django.utils import timezone

from spool_live.models import OutboxEntry, WebhookDelivery, WebhookEndpoint, WebhookMessage
from spool_live.outbox.record import notify_committed
from spool_live.webhooks import client as clients
from spool_live.webhooks import log, messages, secrets
from spool_live.webhooks.running import Attempt, attempt

State = WebhookMessage.State


def resend(endpoint: WebhookEndpoint, update_id: uuid.UUID, *, using: str) -> bool:
    """Send one update to ``endpoint`` once more, whether it was taken or not. ``False`` where the
    history does not hold it."""
    site = {"site_id": endpoint.site_id, "seq__isnull": False}
    entry = OutboxEntry.objects.using(using).filter(update_id=update_id, **site).first()
    if entry is None or entry.seq is None:
        return False
    now = timezone.now()
    WebhookMessage.objects.using(using).update_or_create(
        endpoint=endpoint,
        update_id=update_id,
        defaults={
            "entry_id": entry.pk,
            "seq": entry.seq,
            "state": State.WAITING,
            "attempts": 0,
            "due_at": now,
            "first_at": now,
        },
    )
    _wake(using)
    return True


def resend_failed(
    endpoint: WebhookEndpoint,
    *,
    since: datetime | None = None,
    since_seq: int | None = None,
    using: str,
) -> int:
    """Send again at once what ``endpoint`` has not taken, given up or waiting: first tried after
    ``since``, or from ``since_seq`` on. Returns how many messages."""
    failed = WebhookMessage.objects.using(using).filter(endpoint=endpoint)
    if since is not None:
        failed = failed.filter(first_at__gte=since)
    if since_seq is not None:
        failed = failed.filter(seq__gte=since_seq)
    number = failed.update(state=State.WAITING, attempts=0, due_at=timezone.now())
    _wake(using)
    return number


def resend_all(endpoint: WebhookEndpoint, *, since_seq: int, using: str) -> None:
    """Send every update from ``since_seq`` on again that the history holds, in order."""
    deliveries = WebhookDelivery.objects.using(using).filter(pk=endpoint.pk)
    with transaction.atomic(using=using):
        # A run that is under way loses its lease, so that it cannot move the cursor on.
        deliveries.filter(cursor_seq__gte=since_seq).update(
            cursor_seq=max(since_seq - 1, 0), lease_token=None, leased_until=None
        )
    _wake(using)


def send_example(endpoint: WebhookEndpoint, *, using: str) -> Attempt:
    """Send an example at once, also to an endpoint that is disabled, and log it.

    Raises ``UnreadableSecretError`` where the endpoint's secret cannot be read.
    """
    keys = secrets.active(using, timezone.now()).filter(endpoint=endpoint)
    plain = secrets.opened(keys, endpoint.site_id)
    made = attempt(endpoint.url, plain, messages.example(endpoint.site_id), clients.shared())
    log.line(endpoint.pk, made).save(using=using)
    return made


def _wake(using: str) -> None:
    transaction.on_commit(partial(notify_committed, using), using=using, robust=True)
