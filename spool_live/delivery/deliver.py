"""Delivery: claim, mirror, send, settle.

No database transaction is open during network I/O. A worker may be killed at any point without
loss: its lease ends, another worker claims the entries again, and Supabase stores each update once
even if it is sent twice.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from django.db import connections
from django.utils import timezone

from spool_live import counts, heartbeats, outbox, tracing
from spool_live.broadcasters import Broadcaster, get_broadcaster
from spool_live.conf import live_settings
from spool_live.delivery import apart
from spool_live.delivery.counted import count_batch, counted
from spool_live.delivery.mirror_first import mirror_first
from spool_live.delivery.sending import send
from spool_live.models import OutboxEntry, SiteDelivery, SiteMirror
from spool_live.outbox import Claim, Settlement, pace
from spool_live.signals import update_died, updates_delivered
from spool_live.sql import read_sql

logger = logging.getLogger(__name__)

UNDER_LOAD = 4
"""The maximum wait for more updates, as a multiple of ``DELIVERY_LINGER``."""


@dataclass
class DeliveryReport:
    """What one call of ``deliver_pending`` did, in numbers of updates, with the ``reasons`` for
    which updates wait or are dead."""

    delivered: int = 0
    dropped: int = 0
    dead: int = 0
    postponed: int = 0
    reasons: set[str] = field(default_factory=set)

    def count(self, settlement: Settlement, claim: Claim) -> None:
        """Add how the entries of ``claim`` ended."""
        self.delivered += len(settlement.delivered)
        self.dropped += len(settlement.dropped)
        self.dead += len(settlement.dead)
        if settlement.retry:
            self.postponed += sum(entry.site_id in settlement.retry for entry in claim.entries)
        self.reasons |= {*settlement.retry.values(), *settlement.dead.values()}


def deliver_pending(
    using: str,
    *,
    broadcaster: Broadcaster | None = None,
    pause: Callable[[float], None] = time.sleep,
    meanwhile: Callable[[], bool] = lambda: False,
) -> DeliveryReport:
    """Deliver what waits in the outbox of ``using`` until nothing more may be delivered now.

    ``meanwhile`` is called before each batch and returns whether it did something: as long as it
    does, delivery goes on even if there are no updates. Never raises for what Supabase answers:
    that is in the report, in the entries and in the log.
    """
    report = DeliveryReport()
    broadcaster = counted(broadcaster or get_broadcaster())
    size, waited = 0, 0.0
    while True:
        heartbeats.beat(using, heartbeats.Part.DELIVERY)
        waited = linger(size, waited)
        has_more = meanwhile()
        try:
            claim = _next_claim(using, pause, after=size, linger=waited)
        except apart.DATABASE_IS_AWAY:
            raise
        except Exception:
            logger.exception("a batch cannot be claimed: claiming site by site")
            counts.count(counts.UNFORESEEN, step="claim")
            for alone in apart.claim_each(using):
                _carry_out(alone, broadcaster, report)
            return report
        if claim is None:
            if has_more:
                size, waited = 0, 0.0
                continue
            return report
        size = len(claim.entries)
        _carry_out(claim, broadcaster, report)


def _carry_out(claim: Claim, broadcaster: Broadcaster, report: DeliveryReport) -> None:
    settlement = Settlement()
    began = timezone.now()
    with tracing.delivering(claim.entries):
        drop_orphans(claim, settlement)
        ready = mirror_first(claim, settlement, broadcaster)
        send(ready, claim, settlement, broadcaster)
        took = timezone.now() - began
        written = apart.settle(claim, settlement)
    apart.note_attempts(claim, written, began, took)
    report.count(written, claim)
    count_batch(claim, written)
    report_outcome(claim, written, complete=written == settlement)


def _next_claim(
    using: str, pause: Callable[[float], None], *, after: int, linger: float
) -> Claim | None:
    if linger > 0:
        pause(linger)
    if 0 < after < live_settings().batch_limit and not outbox.is_ready(using):
        return None
    turn = pace.take_turn(using, pause)
    if turn is None:
        return None
    claim = outbox.claim_batch(using)
    turn.carried(len(claim.entries) if claim else 0)
    return claim


def linger(size: int, last: float) -> float:
    """Return the seconds to wait after a batch of ``size`` updates before the next one is claimed.

    After a batch of more than one update that was not full, more edits are coming in: a short wait
    fills the next batch. While they keep coming the wait doubles (``last`` was the previous one),
    because each batch takes resources from those who edit.
    """
    settings = live_settings()
    shortest = settings.delivery_linger.total_seconds()
    fills = 1 < size < settings.batch_limit
    return min(max(2 * last, shortest), UNDER_LOAD * shortest) if fills else 0.0


def drop_orphans(claim: Claim, settlement: Settlement) -> None:
    """Drop the updates of sites that were deleted.

    Updates whose id never belonged to a site are kept as dead entries: the project passed a wrong
    id, or imports the site later.
    """
    if not claim.orphans:
        return
    tombstones = [
        model.objects.using(claim.using)
        .filter(pk__in=claim.orphans, deleted_at__isnull=False)
        .values_list("pk", flat=True)
        for model in (SiteDelivery, SiteMirror)
    ]
    unknown = claim.orphans.difference(*tombstones)
    for entry in claim.entries:
        if entry.site_id in unknown:
            settlement.dead[entry.pk] = (
                f"there is no site {entry.site_id}: correct what site_field or get_site() gives, "
                f"or create the site and run manage.py live_requeue --site {entry.site_id}"
            )
        elif entry.site_id in claim.orphans:
            settlement.dropped.append(entry.pk)


def report_outcome(claim: Claim, settlement: Settlement, *, complete: bool) -> None:
    """Log how a batch ended and send the signals."""
    if not complete:
        logger.warning(
            "the lease was lost before the batch was settled: it is delivered again. Either this "
            "worker was delayed for longer than DELIVERY_LEASE, or the clocks of two workers "
            "differ by as much%s.",
            clock_difference(claim.using),
        )
    if settlement.delivered:
        updates_delivered.send_robust(
            sender=OutboxEntry, count=len(settlement.delivered), using=claim.using
        )
    ids = {entry.pk: entry.update_id for entry in claim.entries if settlement.dead}
    for pk, reason in settlement.dead.items():
        logger.error("update %s is dead: %s", ids[pk], reason)
        update_died.send_robust(
            sender=OutboxEntry, update_id=ids[pk], reason=reason, using=claim.using
        )
    for site_id, reason in settlement.retry.items():
        until = settlement.delays.get(site_id, settlement.retry_at)
        logger.warning("updates of site %s wait until %s: %s", site_id, until, reason)


def clock_difference(using: str) -> str:
    """Return in words how far this machine's clock is from the database's; ``""`` except on
    PostgreSQL."""
    if connections[using].vendor != "postgresql":
        return ""
    with connections[using].cursor() as cursor:
        cursor.execute(read_sql("outbox/clock"))
        row = cursor.fetchone()
    seconds = (timezone.now() - row[0]).total_seconds() if row else 0.0
    return f" (this one is {seconds:+.0f} s from the database's)"
