"""Claiming: take a lease on sites, take their oldest entries, number them. One short transaction.

The lease is on the site, not on the entry: a site has one worker at a time, so its updates keep
their order, and different workers help each other with different sites. The site's row stays
locked until the claim commits, so a number is never visible after a higher one, and a key change
is either seen by the claim or commits after it.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from django.db import connections, transaction
from django.utils import timezone

from spool_live.conf import live_settings
from spool_live.models import SiteDelivery
from spool_live.outbox import circuit, claim_portable, claim_postgresql, coalescing
from spool_live.outbox.entries import ClaimedEntry
from spool_live.outbox.lease import Lease, Leased, waiting_sites


@dataclass(frozen=True)
class Claim:
    """A lease on some sites and their next entries, in the order of delivery.

    ``sites`` are the delivery states as they were when claimed, ``orphans`` the ids of leased
    sites that do not exist any more: their entries are to be dropped.
    """

    using: str
    token: uuid.UUID
    leased_until: datetime
    sites: dict[uuid.UUID, SiteDelivery]
    orphans: frozenset[uuid.UUID]
    entries: list[ClaimedEntry]
    outage: int = 0
    """How often Supabase has failed in a row: more than 0 makes this batch the trial."""


def claim_batch(using: str) -> Claim | None:
    """The next batch of the outbox on ``using``, or ``None`` where nothing may go now."""
    now = timezone.now()
    lease = Lease(using, uuid.uuid4(), now, now + live_settings().delivery_lease)
    if claim_postgresql.goes_at_once(using):
        is_away, leased, entries = claim_postgresql.claim_at_once(lease)
        if not is_away:
            return _claim(lease, leased, entries)
    return _claim_in_steps(lease)


def is_anything_pending(using: str) -> bool:
    """Whether it may be worth to claim: much cheaper to ask than to claim nothing."""
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT 1 FROM live_updates_outbox WHERE state = 'pending' LIMIT 1")
        return cursor.fetchone() is not None


def _claim_in_steps(lease: Lease) -> Claim | None:
    outage = _outage(lease.using, lease.now)
    if outage is None:
        return None
    is_postgresql = connections[lease.using].vendor == "postgresql"
    steps = claim_postgresql if is_postgresql else claim_portable
    with transaction.atomic(using=lease.using):
        leased = steps.lease_sites(lease)
        coalescing.coalesce_waiting(lease.using, leased.sites, lease.now)
        entries = steps.take_entries(lease, leased.sites)
    return _claim(lease, leased, entries, outage)


def _claim(
    lease: Lease, leased: Leased, entries: list[ClaimedEntry], outage: int = 0
) -> Claim | None:
    if not leased.sites:
        return None
    sites, orphans = leased.sites, leased.orphans
    return Claim(lease.using, lease.token, lease.until, sites, orphans, entries, outage)


def _outage(using: str, now: datetime) -> int | None:
    """How often Supabase has failed in a row, or ``None`` where it is not to be asked now. The
    trial is not spent where there is nothing to try with."""
    if not circuit.failures(using):
        return 0
    return circuit.enter(using, now) if waiting_sites(using, now) else None
