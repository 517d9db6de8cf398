"""What becomes of updates that could not be sent: which wait, and until when."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterable

from django.utils import timezone

from spool_live.backoff import retry_delay
from spool_live.exceptions import BroadcastError, BroadcastUnavailable
from spool_live.metadata import clean_text
from spool_live.outbox import Claim, ClaimedEntry, Settlement, circuit

logger = logging.getLogger(__name__)

TRIES = 5
"""How often an entry is refused for a reason that may pass before it is dead: over about half a
minute, in which only its own site waits."""
LONGEST_REASON = 2_000


def reason_of(error: BaseException) -> str:
    """Return what is written down of ``error``: never empty, and something every column takes."""
    said = str(error) or type(error).__name__
    if not isinstance(error, BroadcastError):
        # Of ours the message is fit for people; of others it may hold anything.
        said = f"unexpected error ({type(error).__name__}): its traceback is in the log"
    return clean_text(said)[:LONGEST_REASON]


def postpone(
    settlement: Settlement, claim: Claim, site_ids: Iterable[uuid.UUID], error: Exception
) -> None:
    """Leave the entries of ``site_ids`` for later, after a delay with jitter.

    Where Supabase as a whole is away the delay is that of the circuit breaker, and a site that
    waits for a reason of its own keeps it.
    """
    reason = reason_of(error)
    if isinstance(error, BroadcastUnavailable):
        settlement.outage = reason
        settlement.retry_at = circuit.next_attempt(claim.outage, error.retry_after)
        for site_id in site_ids:
            settlement.retry.setdefault(site_id, reason)
        return
    now = timezone.now()
    for site_id in site_ids:
        settlement.retry[site_id] = reason
        settlement.delays[site_id] = now + retry_delay(claim.sites[site_id].failures)
    settlement.retry_at = settlement.retry_at or now


def blame(settlement: Settlement, claim: Claim, entry: ClaimedEntry, error: Exception) -> None:
    """``entry`` was refused where others were taken: its site waits for another try, until the
    entry has had enough of them and is dead."""
    reason = reason_of(error)
    if entry.refusals + 1 >= TRIES:
        settlement.dead[entry.pk] = reason
        return
    settlement.blamed[entry.pk] = reason
    settlement.retry[entry.site_id] = reason
    settlement.delays[entry.site_id] = timezone.now() + retry_delay(entry.refusals)
    settlement.retry_at = settlement.retry_at or timezone.now()
