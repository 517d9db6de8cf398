"""Settling: write down how a run went, if it still holds its lease, and give the lease back."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from spool_live import counts
from spool_live.conf import live_settings
from spool_live.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint, WebhookMessage
from spool_live.signals import webhook_endpoint_disabled
from spool_live.webhooks import endpoints, log, policy
from spool_live.webhooks.claiming import Job
from spool_live.webhooks.running import Attempt

logger = logging.getLogger(__name__)

State = WebhookMessage.State
HTTP_GONE = 410
OUTAGE_AFTER = 3
"""Failures in a row that make an outage. What failed in it is retried once it is over."""
UNSENDABLE_REST = timedelta(minutes=1)
"""How long an endpoint rests whose messages cannot be signed."""


def settle(using: str, job: Job, attempts: Sequence[Attempt]) -> bool:
    """Write down how the run of ``job`` went; return whether it still held its lease.

    Where it did not, the attempts are logged and nothing else is written, so that all of the
    messages are sent again.
    """
    now = timezone.now()
    state = _state(job, attempts, now)
    mine = WebhookDelivery.objects.using(using).filter(pk=job.delivery.pk, lease_token=job.token)
    with transaction.atomic(using=using):
        is_mine = bool(mine.update(lease_token=None, leased_until=None, **state))
        if is_mine:
            _settle_messages(using, job, attempts, now)
            _retry_after_outage(using, job, attempts, now)
        _write_log(using, job, attempts)
    for attempt in attempts:
        counts.count(counts.WEBHOOKS, outcome="taken" if attempt.answer.is_success else "failed")
    counts.observe(counts.WEBHOOK_SECONDS, [a.answer.milliseconds / 1_000 for a in attempts])
    if is_mine:
        _give_up(using, job, attempts, state, now)
    return is_mine


def _state(job: Job, attempts: Sequence[Attempt], now: datetime) -> dict[str, Any]:
    before = job.delivery
    if job.error:
        return {
            "failures": before.failures + 1,
            "failing_since": before.failing_since or now,
            "last_error": job.error,
            "resting_until": now + UNSENDABLE_REST,
        }
    failures, failing_since, error = before.failures, before.failing_since, before.last_error
    retry_after: float | None = None
    successes = [a for a in attempts if a.answer.is_success]
    if successes:
        failures, failing_since, error = 0, None, ""
    if attempts and not attempts[-1].answer.is_success:
        last = attempts[-1]
        failures, failing_since = failures + 1, failing_since or last.at
        error, retry_after = last.answer.error, last.answer.retry_after
    rest = policy.rest(failures, retry_after=retry_after) if failures else timedelta(0)
    resting_until = now + rest if rest else None
    if job.endpoint.rate and attempts and resting_until is None:
        pace = timedelta(seconds=len(attempts) / job.endpoint.rate)
        resting_until = attempts[0].at + pace
    return {
        "cursor_seq": _cursor(job, attempts),
        "failures": failures,
        "failing_since": failing_since,
        "last_error": error,
        "last_success_at": successes[-1].at if successes else before.last_success_at,
        "resting_until": resting_until,
    }


def _cursor(job: Job, attempts: Sequence[Attempt]) -> int:
    """Return the cursor after all that was tried; after a whole run also past unwanted updates."""
    if len(attempts) == len(job.messages):
        return max(job.next_cursor, job.delivery.cursor_seq)
    tried = [a.message.seq or 0 for a in attempts if a.message.pk is None]
    return max([job.delivery.cursor_seq, *tried])


def _settle_messages(using: str, job: Job, attempts: Sequence[Attempt], now: datetime) -> None:
    messages = WebhookMessage.objects.using(using)
    accepted = [a.message.pk for a in attempts if a.answer.is_success and a.message.pk]
    if accepted:
        messages.filter(pk__in=accepted).delete()
    for failed in (a for a in attempts if not a.answer.is_success):
        number = failed.message.attempts + 1
        delay = policy.retry_delay(
            number, live_settings().webhook_retries, retry_after=failed.answer.retry_after
        )
        fields: dict[str, Any] = {
            "state": State.FAILED if delay is None else State.WAITING,
            "attempts": number,
            "due_at": now + (delay or timedelta(0)),
            "last_error": failed.answer.error,
        }
        if failed.message.pk:
            messages.filter(pk=failed.message.pk).update(**fields)
        else:
            known = {"entry_id": failed.message.entry_id, "seq": failed.message.seq}
            messages.update_or_create(
                endpoint=job.endpoint,
                update_id=failed.message.update_id,
                defaults={**known, **fields, "first_at": failed.at},
            )


def _retry_after_outage(using: str, job: Job, attempts: Sequence[Attempt], now: datetime) -> None:
    """Make messages due that first failed in an outage which a success of this run has ended.

    By their schedule they might wait for hours. Messages that failed before the outage keep theirs.
    """
    before = job.delivery
    if before.failures >= OUTAGE_AFTER and any(a.answer.is_success for a in attempts):
        failed = WebhookMessage.objects.using(using).filter(
            endpoint=job.endpoint,
            state=State.WAITING,
            first_at__gte=before.failing_since or now,
        )
        failed.update(due_at=now)


def _write_log(using: str, job: Job, attempts: Sequence[Attempt]) -> None:
    WebhookAttempt.objects.using(using).bulk_create(
        [log.line(job.endpoint.pk, attempt) for attempt in attempts]
    )


def _give_up(
    using: str, job: Job, attempts: Sequence[Attempt], state: dict[str, Any], now: datetime
) -> None:
    last = attempts[-1].answer if attempts else None
    reason = ""
    if last is not None and last.status == HTTP_GONE:
        reason = WebhookEndpoint.Disabled.GONE
    elif last is not None and policy.is_given_up(
        state["failing_since"], now, live_settings().webhook_disable_after
    ):
        reason = WebhookEndpoint.Disabled.FAILED
    if reason and endpoints.disable(job.endpoint, WebhookEndpoint.Disabled(reason), using=using):
        label = str(WebhookEndpoint.Disabled(reason).label)
        logger.error("webhook endpoint %s is disabled: %s", job.endpoint.pk, label)
        webhook_endpoint_disabled.send_robust(
            sender=WebhookEndpoint, endpoint=job.endpoint, reason=label, using=using
        )
