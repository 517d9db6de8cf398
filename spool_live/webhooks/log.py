"""The log: each attempt, with excerpts of request and answer, limited by age and by number."""

from __future__ import annotations

import uuid

from django.db.models import Count
from django.utils import timezone

from spool_live.conf import live_settings
from spool_live.metadata import clean_text
from spool_live.models import WebhookAttempt, WebhookEndpoint, WebhookMessage
from spool_live.webhooks.running import Attempt

EXCERPT = 1_000
"""How many characters of a body are kept."""
PURGE_STEP = 1_000
"""How many rows are deleted at a time."""


def line(endpoint_id: uuid.UUID, attempt: Attempt) -> WebhookAttempt:
    """Return an unsaved line of the log about ``attempt``.

    It holds no signature: while that is valid, it could be used to send the message again.
    """
    answer = attempt.answer
    return WebhookAttempt(
        endpoint_id=endpoint_id,
        update_id=attempt.message.update_id,
        seq=attempt.message.seq,
        number=attempt.message.attempts + 1,
        at=attempt.at,
        milliseconds=answer.milliseconds,
        status=answer.status,
        is_success=answer.is_success,
        error=answer.error,
        request=attempt.message.body[:EXCERPT],
        answer=clean_text(answer.body.decode("utf-8", "replace"))[:EXCERPT],
    )


def purge(using: str) -> int:
    """Remove lines older than ``WEBHOOK_LOG_RETENTION`` or beyond ``WEBHOOK_LOG_SIZE`` for an
    endpoint, and whatever is left of deleted endpoints. Returns how many rows of the log."""
    settings = live_settings()
    before = timezone.now() - settings.webhook_log_retention
    lines = WebhookAttempt.objects.using(using)
    removed = _delete(using, WebhookAttempt, at__lt=before)
    _delete(using, WebhookMessage, state=WebhookMessage.State.FAILED, due_at__lt=before)
    for row in lines.order_by().values("endpoint").annotate(number=Count("pk")):
        if row["number"] > settings.webhook_log_size:
            of_endpoint = lines.filter(endpoint=row["endpoint"]).order_by("-pk")
            newest = of_endpoint.values_list("pk", flat=True)[settings.webhook_log_size - 1]
            removed += _delete(using, WebhookAttempt, endpoint=row["endpoint"], pk__lt=newest)
    known = list(WebhookEndpoint.objects.using(using).values_list("pk", flat=True))
    for model in (WebhookAttempt, WebhookMessage):
        orphans = model.objects.using(using).exclude(endpoint__in=known)
        removed += orphans.delete()[0]
    return removed


def _delete(
    using: str, model: type[WebhookAttempt] | type[WebhookMessage], **chosen: object
) -> int:
    removed = 0
    while True:
        rows = model.objects.using(using).filter(**chosen).order_by()
        pks = list(rows.values_list("pk", flat=True)[:PURGE_STEP])
        if not pks:
            return removed
        removed += model.objects.using(using).filter(pk__in=pks).delete()[0]
