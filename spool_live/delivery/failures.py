"""What becomes of updates that could not be sent: which wait, and until when."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from django.utils import timezone

from spool_live.backoff import retry_delay
from spool_live.exceptions import BroadcastUnavailable
from spool_live.outbox import Claim, Settlement, circuit


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
