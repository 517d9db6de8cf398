"""Claiming: lease sites, take their next entries and number them, in one short transaction.

The lease is on the site, not on the entry: a site has one worker at a time, so its updates keep
their order, while several workers share the work by taking different sites. The site's
``SiteDelivery`` row stays locked until the claim commits, so a number never becomes visible after a
higher one. Whether the site has to be mirrored first is read after its entries were taken: this way
a change of its keys that was committed before one of these entries is always noticed.
"""

from __future__ import annotations

import uuid
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from django.db import DatabaseError, connections, transaction
from django.utils import timezone

from spool_live.conf import live_settings
from spool_live.models import OutboxEntry, SiteDelivery
from spool_live.outbox import circuit, claim_portable, claim_postgresql
from spool_live.outbox.entries import ClaimedEntry
from spool_live.outbox.lease import ClaimedSite, Lease, is_free

_turns: dict[str, uuid.UUID] = {}
"""The site that had the last turn, by alias. The next claim begins with the site after it, so that
no site is always the last one. Each process keeps its own."""


@dataclass(frozen=True)
class Claim:
    """A lease on some sites and their next entries, in the order of delivery.

    ``sites`` are the sites of these entries by id.
    """

    using: str
    token: uuid.UUID
    leased_until: datetime
    sites: dict[uuid.UUID, ClaimedSite]
    entries: list[ClaimedEntry]
    outage: int = 0
    """How often Supabase has failed in a row. If more than 0, this batch is the circuit breaker's
    trial."""

    @property
    def orphans(self) -> frozenset[uuid.UUID]:
        """The ids of the leased sites that do not exist any more: their entries are dropped."""
        return frozenset(site_id for site_id, site in self.sites.items() if site.is_deleted)


def claim_batch(using: str, *, alone: uuid.UUID | None = None) -> Claim | None:
    """Claim the next batch of the outbox on ``using``, or of the one site ``alone``.

    Returns ``None`` if nothing may be delivered now.
    """
    now = timezone.now()
    until = now + live_settings().delivery_lease
    lease = Lease(using, uuid.uuid4(), now, until, alone, _turns.get(using) or uuid.uuid4())
    try:
        if alone is None and claim_postgresql.goes_at_once(using):
            is_away, taken = claim_postgresql.claim_at_once(lease)
            if not is_away:
                return _claim(lease, taken)
        return _claim_in_steps(lease)
    except Exception:
        _give_back(lease)
        raise


def waiting_site_ids(using: str, limit: int) -> list[uuid.UUID]:
    """Return the ids of at most ``limit`` sites with pending entries, without those that are leased
    or wait for a retry.

    Reads the id and no other column of the entries, as one of the others may be unreadable.
    """
    busy = SiteDelivery.objects.using(using).exclude(is_free(timezone.now())).values("site_id")
    pending = OutboxEntry.objects.using(using).filter(state=OutboxEntry.State.PENDING)
    ids = pending.exclude(site_id__in=busy).order_by("site_id").values_list("site_id", flat=True)
    return list(ids.distinct()[:limit])


def is_ready(using: str) -> bool:
    """Return whether any site has something that may be delivered now.

    Writes nothing and waits for no lock.
    """
    now = timezone.now()
    if connections[using].vendor == "postgresql":
        return claim_postgresql.is_ready(using, now)
    return claim_portable.is_ready(using, now)


def _give_back(lease: Lease) -> None:
    """Release the sites of a claim that was committed but whose entries could not be read."""
    with suppress(DatabaseError):
        leased = SiteDelivery.objects.using(lease.using).filter(lease_token=lease.token)
        leased.update(lease_token=None, leased_until=None)


def _claim_in_steps(lease: Lease) -> Claim | None:
    outage = _outage(lease.using, lease.now)
    if outage is None:
        return None
    is_postgresql = connections[lease.using].vendor == "postgresql"
    steps = claim_postgresql if is_postgresql else claim_portable
    with transaction.atomic(using=lease.using):
        taken = steps.claim_in_steps(lease)
    return _claim(lease, taken, outage)


def _claim(lease: Lease, taken: claim_postgresql.Taken, outage: int = 0) -> Claim | None:
    sites, entries = taken
    if not sites:
        return None
    if not lease.alone:
        _turns[lease.using] = _had_the_turn(entries, lease.start)
    by_id = {site.site_id: site for site in sites}
    return Claim(lease.using, lease.token, lease.until, by_id, entries, outage)


def _had_the_turn(entries: list[ClaimedEntry], start: uuid.UUID) -> uuid.UUID:
    """Return the site with the most of ``entries``; if several have as many, the last of them in
    the order of this claim."""
    taken = Counter(entry.site_id for entry in entries)
    return max(taken, key=lambda site: (taken[site], site <= start, site), default=start)


def _outage(using: str, now: datetime) -> int | None:
    """Return how often Supabase has failed in a row, or ``None`` if it must not be called now.

    Asks for the circuit breaker's trial only if there is something to deliver.
    """
    if not circuit.failures(using):
        return 0
    return circuit.enter(using, now) if is_ready(using) else None
