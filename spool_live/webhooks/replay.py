"""Sending again: one update, all that failed, or all since a ``seq``; and sending an example."""

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
    """Send one update to ``endpoint`` again, whether it was accepted before or not.

    Returns ``False`` where the history does not hold the update.
    """
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
    """Send at once the messages that ``endpoint`` has not accepted, waiting or given up.

    ``since`` limits them to those first tried since then, ``since_seq`` to those with that ``seq``
    or a later one. Returns how many messages.
    """
    failed = WebhookMessage.objects.using(using).filter(endpoint=endpoint)
    if since is not None:
        failed = failed.filter(first_at__gte=since)
    if since_seq is not None:
        failed = failed.filter(seq__gte=since_seq)
    number = failed.update(state=State.WAITING, attempts=0, due_at=timezone.now())
    _wake(using)
    return number


def resend_all(endpoint: WebhookEndpoint, *, since_seq: int, using: str) -> None:
    """Send again, in order, every update from ``since_seq`` on that the history holds."""
    deliveries = WebhookDelivery.objects.using(using).filter(pk=endpoint.pk)
    with transaction.atomic(using=using):
        # Take the lease from a run under way, so that it cannot move the cursor forward again.
        deliveries.filter(cursor_seq__gte=since_seq).update(
            cursor_seq=max(since_seq - 1, 0), lease_token=None, leased_until=None
        )
    _wake(using)


def send_example(endpoint: WebhookEndpoint, *, using: str) -> Attempt:
    """Send an example at once, even to a disabled endpoint; log the attempt and return it.

    Raises ``UnreadableSecretError`` where the endpoint's secret cannot be read.
    """
    keys = secrets.active(using, timezone.now()).filter(endpoint=endpoint)
    plain = secrets.opened(keys, endpoint.site_id)
    made = attempt(endpoint.url, plain, messages.example(endpoint.site_id), clients.shared())
    log.line(endpoint.pk, made).save(using=using)
    return made


def _wake(using: str) -> None:
    transaction.on_commit(partial(notify_committed, using), using=using, robust=True)
