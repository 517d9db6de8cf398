"""The record of failed attempts to deliver, which the admin shows on the page of each entry.

One row stands for all entries of a site that failed for the same reason in one batch. A batch that
is delivered completely writes no row.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from django.db.models import Count, QuerySet

from spool_live.models import DeliveryAttempt, OutboxEntry
from spool_live.outbox.claim import Claim
from spool_live.outbox.settle import Settlement

Outcome = DeliveryAttempt.Outcome
MAX_PER_BATCH = 100
"""Maximum of rows that one batch writes: a server may give a different reason for each entry."""
MAX_PER_SITE = 200
"""Maximum of rows that a cleanup keeps for each site."""


def note_attempts(claim: Claim, written: Settlement, at: datetime, took: timedelta) -> None:
    """Record why entries of ``claim`` were not delivered.

    ``written`` is what was settled, ``at`` when the attempt began, ``took`` how long it lasted.
    """
    if not (written.dead or written.blamed or written.retry):
        return
    together: dict[tuple[uuid.UUID, Outcome, str], list[int]] = {}
    settled = {*written.delivered, *written.dropped}
    for entry in claim.entries:
        if entry.pk in settled:
            continue
        if found := _outcome(written, entry.pk, entry.site_id):
            together.setdefault((entry.site_id, *found), []).append(entry.pk)
    rows = [
        DeliveryAttempt(
            site_id=site_id,
            at=at,
            milliseconds=max(0, round(took.total_seconds() * 1000)),
            outcome=outcome,
            reason=reason,
            first_entry=min(entries),
            last_entry=max(entries),
            entries=sorted(entries),
        )
        for (site_id, outcome, reason), entries in together.items()
    ]
    DeliveryAttempt.objects.using(claim.using).bulk_create(rows[:MAX_PER_BATCH])


def attempts_of(entry: OutboxEntry) -> list[DeliveryAttempt]:
    """Return the failed attempts to deliver ``entry`` that are still kept, the newest first."""
    rows = DeliveryAttempt.objects.using(entry._state.db).filter(
        site_id=entry.site_id, first_entry__lte=entry.pk, last_entry__gte=entry.pk
    )
    return [row for row in rows.order_by("-id")[:MAX_PER_SITE] if entry.pk in row.entries]


def purge_attempts(using: str, *, before: datetime) -> int:
    """Remove attempts older than ``before``, and all but the newest ``MAX_PER_SITE`` of each site.

    Returns how many rows were removed.
    """
    rows = DeliveryAttempt.objects.using(using)
    removed, _ = rows.filter(at__lt=before).delete()
    counts = rows.order_by("site_id").values("site_id").annotate(number=Count("pk"))
    for site in counts.filter(number__gt=MAX_PER_SITE).values_list("site_id", flat=True):
        removed += _trim(rows.filter(site_id=site))
    return removed


def _outcome(written: Settlement, pk: int, site_id: uuid.UUID) -> tuple[Outcome, str] | None:
    """Return the outcome of an entry with its reason; ``None`` if no failure was settled for it."""
    if pk in written.dead:
        return Outcome.DEAD, written.dead[pk]
    if pk in written.blamed:
        return Outcome.REFUSED, written.blamed[pk]
    if site_id in written.retry:
        return Outcome.POSTPONED, written.retry[site_id]
    return None


def _trim(rows: QuerySet[DeliveryAttempt]) -> int:
    last_kept = rows.order_by("-id").values_list("id", flat=True)[MAX_PER_SITE - 1]
    removed, _ = rows.filter(id__lt=last_kept).delete()
    return removed
