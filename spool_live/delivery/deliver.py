"""Delivery: claim, broadcast, settle. And what becomes of updates that Supabase does not take.

No database transaction is open during network I/O. Losing a worker anywhere loses nothing: its
lease ends, the entries are claimed again, and writing them twice is writing them once.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from django.utils import timezone

from spool_live import outbox
from spool_live.backoff import retry_delay
from spool_live.broadcasters import Broadcaster, get_broadcaster
from spool_live.conf import live_settings
from spool_live.delivery import mirror
from spool_live.exceptions import (
    BroadcastError,
    BroadcastRefused,
    BroadcastUnavailable,
    SequenceTaken,
    UnknownSite,
)
from spool_live.models import OutboxEntry
from spool_live.outbox import Claim, ClaimedEntry, Settlement, circuit, pace
from spool_live.signals import update_died, updates_delivered

logger = logging.getLogger(__name__)

UNDER_LOAD = 4
"""How much longer than ``DELIVERY_LINGER`` a wait for more gets at the most."""


@dataclass
class DeliveryReport:
    """What one call of :func:`deliver_pending` did, in numbers of updates."""

    delivered: int = 0
    dropped: int = 0
    dead: int = 0
    postponed: int = 0
    reasons: set[str] = field(default_factory=set)

    def count(self, settlement: Settlement, claim: Claim) -> None:
        """Adds how ``claim`` ended."""
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
) -> DeliveryReport:
    """Delivers what waits in the outbox of ``using`` until nothing may go now.

    Never raises for what Supabase answers: that is in the report, in the entries and in the log.
    """
    report = DeliveryReport()
    broadcaster = broadcaster or get_broadcaster()
    size, waited = 0, 0.0
    while True:
        waited = breath(size, waited)
        claim = _next_claim(using, pause, after=size, breath=waited)
        if claim is None:
            return report
        size = len(claim.entries)
        settlement = Settlement()
        drop_orphans(claim, settlement)
        ready = mirror_first(claim, settlement, broadcaster)
        send(ready, claim, settlement, broadcaster)
        written = outbox.settle(claim, settlement)
        report.count(written, claim)
        announce(claim, written, complete=written == settlement)


def _next_claim(
    using: str, pause: Callable[[float], None], *, after: int, breath: float
) -> Claim | None:
    if breath > 0:
        pause(breath)
    if 0 < after < live_settings().batch_limit and not outbox.is_anything_pending(using):
        return None
    turn = pace.take_turn(using, pause)
    if turn is None:
        return None
    claim = outbox.claim_batch(using)
    turn.carried(len(claim.entries) if claim else 0)
    return claim


def breath(size: int, last: float) -> float:
    """Seconds to wait after a batch of ``size`` updates before the next one is claimed.

    After a batch that was neither single nor full, edits are coming in: a moment's wait fills the
    next batch. While they keep coming it doubles (``last`` was the wait before), as each batch
    takes time from those who edit.
    """
    settings = live_settings()
    shortest = settings.delivery_linger.total_seconds()
    fills = 1 < size < settings.batch_limit
    return min(max(2 * last, shortest), UNDER_LOAD * shortest) if fills else 0.0


def drop_orphans(claim: Claim, settlement: Settlement) -> None:
    """Updates of sites that were deleted have nobody to go to."""
    if claim.orphans:
        settlement.dropped += [e.pk for e in claim.entries if e.site_id in claim.orphans]


def mirror_first(
    claim: Claim, settlement: Settlement, broadcaster: Broadcaster
) -> list[ClaimedEntry]:
    """Sends pending changes of the claimed sites and their keys; returns what may go after that.

    No update overtakes a key change: a site whose mirror cannot be brought up to date waits.
    """
    pending = [site_id for site_id, site in claim.sites.items() if mirror.is_pending(site)]
    if not pending and not claim.orphans:
        return claim.entries
    living = [entry for entry in claim.entries if entry.site_id not in claim.orphans]
    return _mirror(pending, living, claim, settlement, broadcaster)


def send(
    entries: Sequence[ClaimedEntry],
    claim: Claim,
    settlement: Settlement,
    broadcaster: Broadcaster,
    *,
    healed: bool = False,
) -> None:
    """Broadcasts ``entries`` in one request; halves the batch to find what is refused for good."""
    if settlement.retry:
        entries = [e for e in entries if e.site_id not in settlement.retry]
    if not entries:
        return
    site_ids = sorted({entry.site_id for entry in entries})
    if timezone.now() + live_settings().request_timeout > claim.leased_until:
        postpone(settlement, claim, site_ids, BroadcastError("the lease ran out"))
        return
    try:
        broadcaster.broadcast([entry.as_update() for entry in entries])
        settlement.delivered += [entry.pk for entry in entries]
    except BroadcastUnavailable as error:
        postpone(settlement, claim, site_ids, error)
    except SequenceTaken as error:
        _renumber(claim, settlement, entries, broadcaster, error)
    except UnknownSite as error:
        if healed:
            postpone(settlement, claim, site_ids, error)
        else:
            logger.warning("Supabase does not know a site (%s): telling it again", error)
            ready = _mirror(site_ids, entries, claim, settlement, broadcaster)
            send(ready, claim, settlement, broadcaster, healed=True)
    except BroadcastRefused as error:
        if len(entries) == 1:
            settlement.dead[entries[0].pk] = str(error)
        else:
            middle = len(entries) // 2
            send(entries[:middle], claim, settlement, broadcaster, healed=healed)
            send(entries[middle:], claim, settlement, broadcaster, healed=healed)


def _mirror(
    site_ids: Sequence[uuid.UUID],
    entries: Sequence[ClaimedEntry],
    claim: Claim,
    settlement: Settlement,
    broadcaster: Broadcaster,
) -> list[ClaimedEntry]:
    """Sends sites as they are now; returns those of ``entries`` that may go after that.

    Once Supabase is away it is not asked for the other sites: each would cost a timeout.
    """
    dead: set[uuid.UUID] = set()
    for place, site_id in enumerate(site_ids):
        try:
            if mirror.mirror_site(claim.using, site_id, broadcaster).deleted:
                dead.add(site_id)
        except BroadcastUnavailable as error:
            postpone(settlement, claim, site_ids[place:], error)
            break
        except BroadcastError as error:
            postpone(settlement, claim, [site_id], error)
    settlement.dropped += [entry.pk for entry in entries if entry.site_id in dead]
    return [e for e in entries if e.site_id not in dead and e.site_id not in settlement.retry]


def _renumber(
    claim: Claim,
    settlement: Settlement,
    entries: Sequence[ClaimedEntry],
    broadcaster: Broadcaster,
    error: SequenceTaken,
) -> None:
    """The counter is behind the live table (a restored backup): go on above what is there.

    Where it is behind nowhere, something else is wrong, and other numbers would not help.
    """
    first = {entry.site_id: entry.seq or 0 for entry in reversed(entries)}
    try:
        newest = broadcaster.newest_seqs(first)
    except BroadcastError as failure:
        postpone(settlement, claim, list(first), failure)
        return
    behind = {site_id: taken for site_id, taken in newest.items() if taken >= first[site_id]}
    if behind:
        logger.warning("numbers are taken (%s): renumbering what is undelivered", error)
        settlement.renumber |= behind
    else:
        postpone(settlement, claim, list(first), error)


def postpone(
    settlement: Settlement, claim: Claim, site_ids: Sequence[uuid.UUID], error: Exception
) -> None:
    """Leaves the entries of ``site_ids`` for later, after a delay with jitter.

    Where Supabase as a whole is away the delay is that of the circuit breaker.
    """
    settlement.retry |= dict.fromkeys(site_ids, str(error))
    if isinstance(error, BroadcastUnavailable):
        settlement.outage = str(error)
        settlement.retry_at = circuit.next_attempt(claim.outage, error.retry_after)
    else:
        failures = max((claim.sites[site_id].failures for site_id in site_ids), default=0)
        settlement.retry_at = timezone.now() + retry_delay(failures)


def announce(claim: Claim, settlement: Settlement, *, complete: bool) -> None:
    """Logs how a batch ended and sends the signals."""
    if not complete:
        logger.warning("the lease was lost before the batch was settled: it is delivered again")
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
        logger.warning("updates of site %s wait until %s: %s", site_id, settlement.retry_at, reason)
