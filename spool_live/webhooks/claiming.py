"""Claiming: take a lease on endpoints that have messages to send, and read these messages."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import connections, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from spool_live import outbox
from spool_live.conf import live_settings
from spool_live.models import (
    OutboxEntry,
    SiteDelivery,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookMessage,
    WebhookSecret,
)
from spool_live.outbox import ClaimedEntry
from spool_live.outbox.entries import read_entries
from spool_live.webhooks import messages, secrets
from spool_live.webhooks.encryption import UnreadableSecretError
from spool_live.webhooks.messages import OutgoingMessage
from spool_live.webhooks.policy import FREE_FAILURES

MAX_MESSAGES = 50
"""How many messages a lease covers at most. They are sent again if the worker is killed."""
RUN_TIME = 5.0
"""Seconds after which no further message of a lease is sent."""
MARGIN = 15.0
"""Seconds that a lease lasts beyond the longest run, in which to settle it."""
RENUMBERING_DELAY = timedelta(seconds=5)
"""How long a message waits whose update is about to get a new number."""
PURGED = "The update is no longer in the history, or cannot be read: see HISTORY_RETENTION."


@dataclass(slots=True)
class Job:
    """A leased endpoint, and the messages to send to it, in order."""

    endpoint: WebhookEndpoint
    delivery: WebhookDelivery
    token: uuid.UUID
    leased_until: datetime
    messages: list[OutgoingMessage] = field(default_factory=list)
    next_cursor: int = 0
    """The endpoint's cursor once all new messages were tried; unwanted updates count as tried."""
    secrets: list[str] = field(default_factory=list, repr=False)
    error: str = ""
    """Why nothing can be sent, or empty."""


def claim(using: str, limit: int, *, include_failing: bool = True) -> list[Job]:
    """Lease at most ``limit`` endpoints that have messages to send, and return them as jobs.

    Endpoints that were served longest ago come first. Without ``include_failing`` those whose last
    attempt failed are left out.
    """
    now = timezone.now()
    token = uuid.uuid4()
    until = now + live_settings().webhook_timeout + timedelta(seconds=RUN_TIME + MARGIN)
    ready = _ready(using, now)
    if not include_failing:
        ready = ready.filter(failures=0)
    oldest = ready.order_by(F("last_run_at").asc(nulls_first=True), "pk")
    chosen = list(oldest.values_list("pk", flat=True)[:limit])
    if not chosen:
        return []
    _lease(using, chosen, now, token, until)
    held = WebhookDelivery.objects.using(using).filter(lease_token=token)
    leased = list(held.select_related("endpoint").order_by("last_run_at", "pk"))
    jobs = [Job(delivery.endpoint, delivery, token, until) for delivery in leased]
    keys = _secrets(using, chosen, now)
    for job in jobs:
        _fill(using, job, keys.get(job.endpoint.pk, []), now)
    return jobs


def is_anything_due(using: str) -> bool:
    """Return whether an endpoint has messages that may be sent now. Writes nothing."""
    return _ready(using, timezone.now()).exists()


def sites_with_endpoints(using: str) -> set[uuid.UUID]:
    """Return the ids of the sites with at least one enabled endpoint."""
    enabled = WebhookEndpoint.objects.using(using).filter(disabled="").order_by()
    return set(enabled.values_list("site_id", flat=True).distinct())


def _ready(using: str, now: datetime) -> QuerySet[WebhookDelivery]:
    newest = SiteDelivery.objects.filter(pk=OuterRef("endpoint__site_id")).values("last_seq")
    waiting = WebhookMessage.objects.filter(
        endpoint=OuterRef("pk"), state=WebhookMessage.State.WAITING, due_at__lte=now
    )
    return (
        WebhookDelivery.objects.using(using)
        .filter(_is_free(now), endpoint__disabled="")
        .annotate(newest=Subquery(newest))
        .filter(Q(cursor_seq__lt=F("newest")) | Exists(waiting))
    )


def _is_free(now: datetime) -> Q:
    """Return a condition: the endpoint is neither leased nor resting at ``now``.

    A lease or rest that ends later than any that is ever set dates from before the clock was set
    back, and does not count.
    """
    farthest = now + timedelta(hours=1)
    leased = Q(leased_until__gt=now, leased_until__lte=farthest)
    rests = Q(resting_until__gt=now, resting_until__lte=farthest)
    return ~leased & ~rests


def _lease(
    using: str, chosen: Sequence[uuid.UUID], now: datetime, token: uuid.UUID, until: datetime
) -> None:
    rows = WebhookDelivery.objects.using(using).filter(_is_free(now), pk__in=chosen)
    features = connections[using].features
    with transaction.atomic(using=using):
        if features.has_select_for_update:
            # A fixed order, and skipping rows that another claim has locked, avoid deadlocks.
            skips = features.has_select_for_update_skip_locked
            mine = rows.select_for_update(skip_locked=skips).order_by("pk")
            rows = rows.filter(pk__in=list(mine.values_list("pk", flat=True)))
        rows.update(lease_token=token, leased_until=until, last_run_at=now)


def _secrets(
    using: str, chosen: Sequence[uuid.UUID], now: datetime
) -> dict[uuid.UUID, list[WebhookSecret]]:
    found: dict[uuid.UUID, list[WebhookSecret]] = {}
    for secret in secrets.active(using, now).filter(endpoint__in=chosen):
        found.setdefault(secret.endpoint_id, []).append(secret)
    return found


def _fill(using: str, job: Job, keys: list[WebhookSecret], now: datetime) -> None:
    try:
        job.secrets = secrets.opened(keys, job.endpoint.site_id)
    except UnreadableSecretError as error:
        job.error = str(error)
        return
    if not job.secrets:
        job.error = "The endpoint has no secret: make one with manage.py live_webhook rotate."
        return
    again = _waiting(using, job, now)
    fresh = _fresh(using, job)
    job.messages = sorted([*again, *fresh], key=lambda message: message.seq or 0)
    limit = MAX_MESSAGES
    if job.delivery.failures > FREE_FAILURES:
        limit = 1  # one message shows whether the endpoint works again
    if job.endpoint.rate:
        limit = min(limit, job.endpoint.rate)
    if len(job.messages) > limit:
        job.messages = job.messages[:limit]
        tried = [m.seq for m in job.messages if m.pk is None and m.seq]
        job.next_cursor = max(tried, default=job.delivery.cursor_seq)


def _fresh(using: str, job: Job) -> list[OutgoingMessage]:
    """Return the messages of wanted updates after the cursor; set the job's ``next_cursor``."""
    site_id, after = job.endpoint.site_id, job.delivery.cursor_seq
    entries, job.next_cursor = outbox.numbered_after(
        using, site_id, after=after, limit=MAX_MESSAGES
    )
    wanted = (job.endpoint.event_types, job.endpoint.collections)
    return [
        _message(entry)
        for entry in entries
        if messages.is_wanted(entry.event_type, entry.collection, *wanted)
        and entry.timestamp is not None
    ]


def _waiting(using: str, job: Job, now: datetime) -> list[OutgoingMessage]:
    """Return the messages whose next attempt is due, with bodies made from the outbox."""
    due = WebhookMessage.objects.using(using).filter(
        endpoint=job.endpoint, state=WebhookMessage.State.WAITING, due_at__lte=now
    )
    rows = {row.entry_id: row for row in due.order_by("seq")[:MAX_MESSAGES]}
    if not rows:
        return []
    held = OutboxEntry.objects.using(using).filter(pk__in=rows)
    numbered = held.filter(seq__isnull=False)
    found = {e.pk: e for e in read_entries(numbered) if e.timestamp is not None}
    missing = WebhookMessage.objects.using(using).filter(
        pk__in=[row.pk for entry_id, row in rows.items() if entry_id not in found]
    )
    # Such an entry waits for a new number (a backup was restored), or is no longer there.
    missing.filter(entry_id__in=held.filter(seq=None).values("pk")).update(
        due_at=now + RENUMBERING_DELAY
    )
    missing.filter(due_at__lte=now).update(state=WebhookMessage.State.FAILED, last_error=PURGED)
    return [_message(entry, rows[pk]) for pk, entry in found.items()]


def _message(entry: ClaimedEntry, row: WebhookMessage | None = None) -> OutgoingMessage:
    return OutgoingMessage(
        update_id=entry.update_id,
        seq=entry.seq,
        body=messages.body(outbox.as_sent(entry)),
        entry_id=entry.pk,
        attempts=row.attempts if row else 0,
        pk=row.pk if row else None,
    )
