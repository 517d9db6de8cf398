"""Decides which updates that could not be sent wait, and until when."""

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
"""Attempts at an entry that is refused for a reason that may pass, before it is dead. They take
about half a minute, in which only its own site waits."""
LONGEST_REASON = 2_000


def reason_of(error: BaseException) -> str:
    """Return the text to store and log for ``error``: never empty, and valid in every database."""
    text = str(error) or type(error).__name__
    if not isinstance(error, BroadcastError):
        # Our own messages are written for people; those of other errors may contain anything.
        text = f"unexpected error ({type(error).__name__}): its traceback is in the log"
    return clean_text(text)[:LONGEST_REASON]


def postpone(
    settlement: Settlement, claim: Claim, site_ids: Iterable[uuid.UUID], error: Exception
) -> None:
    """Postpone the entries of ``site_ids``, by a delay with jitter.

    If Supabase as a whole is away the delay is that of the circuit breaker, and a site that already
    waits for a reason of its own keeps that reason.
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
    """Record that ``entry`` was refused while others were taken.

    Its site waits for another attempt; after ``TRIES`` of them the entry is dead.
    """
    reason = reason_of(error)
    if entry.refusals + 1 >= TRIES:
        settlement.dead[entry.pk] = reason
        return
    settlement.blamed[entry.pk] = reason
    settlement.retry[entry.site_id] = reason
    settlement.delays[entry.site_id] = timezone.now() + retry_delay(entry.refusals)
    settlement.retry_at = settlement.retry_at or timezone.now()
