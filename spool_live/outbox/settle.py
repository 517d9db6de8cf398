"""Settling: write how the delivery of a batch ended, and release the lease on its sites."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.db import connections, transaction
from django.db.models import BooleanField, F, Func, Q, QuerySet, Value
from django.utils import timezone

from spool_live.models import OutboxEntry, SiteDelivery
from spool_live.outbox import circuit
from spool_live.outbox.claim import Claim
from spool_live.outbox.claim_postgresql import array
from spool_live.outbox.site_state import ensure_deliveries
from spool_live.sql import read_sql


@dataclass
class Settlement:
    """How the entries of a claim ended, by primary key. An entry in none of its fields stays
    pending."""

    delivered: list[int] = field(default_factory=list)
    dropped: list[int] = field(default_factory=list)
    dead: dict[int, str] = field(default_factory=dict)
    blamed: dict[int, str] = field(default_factory=dict)
    """Entries that Supabase refused while it took others, each with the reason."""
    retry: dict[uuid.UUID, str] = field(default_factory=dict)
    """Sites to try again later, each with the reason."""
    retry_at: datetime | None = None
    """When to try again the sites that are not in ``delays``."""
    delays: dict[uuid.UUID, datetime] = field(default_factory=dict)
    """When to try again the sites that wait for a reason of their own."""
    outage: str = ""
    """Why Supabase could not be reached at all; empty if it could. Opens the circuit."""
    renumber: dict[uuid.UUID, int] = field(default_factory=dict)
    """Sites whose counter must be raised to the given number, and whose pending entries get new
    numbers."""

    def of_sites(self, sites: Collection[uuid.UUID], claim: Claim) -> Settlement:
        """Return the part that concerns ``sites`` and their entries in ``claim``."""
        entries = {entry.pk for entry in claim.entries if entry.site_id in sites}
        return replace(
            self,
            delivered=[pk for pk in self.delivered if pk in entries],
            dropped=[pk for pk in self.dropped if pk in entries],
            dead={pk: reason for pk, reason in self.dead.items() if pk in entries},
            blamed={pk: reason for pk, reason in self.blamed.items() if pk in entries},
            delays={site: until for site, until in self.delays.items() if site in sites},
            retry={site: reason for site, reason in self.retry.items() if site in sites},
            renumber={site: taken for site, taken in self.renumber.items() if site in sites},
        )

    def plus(self, other: Settlement) -> Settlement:
        """Return the union of this settlement and ``other``."""
        return Settlement(
            delivered=self.delivered + other.delivered,
            dropped=self.dropped + other.dropped,
            dead=self.dead | other.dead,
            blamed=self.blamed | other.blamed,
            retry=self.retry | other.retry,
            retry_at=other.retry_at or self.retry_at,
            delays=self.delays | other.delays,
            outage=other.outage or self.outage,
            renumber=self.renumber | other.renumber,
        )


def failures_of(using: str, site_id: uuid.UUID) -> int:
    """Return how often a site's delivery has failed in a row."""
    states = SiteDelivery.objects.using(using).filter(pk=site_id)
    return states.values_list("failures", flat=True).first() or 0


def set_aside(
    using: str, site_id: uuid.UUID, *, reason: str, until: datetime, token: uuid.UUID | None
) -> None:
    """Postpone the delivery of a site ``until`` the given time, and release its lease.

    With a ``token``, nothing is done unless the site is still leased with it.
    """
    ensure_deliveries(using, [site_id])
    state = SiteDelivery.objects.using(using).filter(pk=site_id)
    if token:
        state = state.filter(lease_token=token)
    state.update(
        failures=F("failures") + 1,
        retry_at=until,
        last_error=reason,
        lease_token=None,
        leased_until=None,
    )


def settle(claim: Claim, settlement: Settlement) -> Settlement:
    """Write ``settlement`` and release the lease of ``claim``, in one transaction.

    Every write is conditional on the lease token: a worker that lost its lease changes nothing.
    Returns what was written: the part of the sites whose lease was still held.
    """
    using = claim.using
    if connections[using].vendor == "postgresql" and settlement == Settlement(settlement.delivered):
        written = _settle_delivered(claim, settlement)
        _judge(claim, settlement)
        return written
    with transaction.atomic(using=using):
        held = SiteDelivery.objects.using(using).filter(
            pk__in=list(claim.sites), lease_token=claim.token
        )
        if connections[using].features.has_select_for_update:
            # In a fixed order, so that two transactions of delivery never deadlock.
            list(held.select_for_update().order_by("pk").values_list("pk"))
        # Begin with a write: SQLite would have to upgrade its lock otherwise.
        held.update(leased_until=claim.leased_until)
        mine = set(held.values_list("pk", flat=True))
        written = settlement.of_sites(mine, claim)
        _finish(claim, written)
        _renumber(using, written)
        _postpone(claim, held, written)
        _release(held, written)
    _judge(claim, settlement)
    return written


def _settle_delivered(claim: Claim, settlement: Settlement) -> Settlement:
    """Settle a batch that was delivered without any failure, by one statement."""
    values: dict[str, Any] = {
        "token": claim.token,
        "sites": array(claim.sites),
        "now": timezone.now(),
        "entries": array(settlement.delivered),
    }
    with connections[claim.using].cursor() as cursor:
        cursor.execute(read_sql("outbox/settle_delivered"), values)
        mine = {site_id for (site_id,) in cursor.fetchall()}
    return settlement if mine == set(claim.sites) else settlement.of_sites(mine, claim)


def _finish(claim: Claim, settlement: Settlement) -> None:
    now = timezone.now()
    done = {"settled_at": now, "last_error": ""}
    _entries(claim, settlement.delivered).update(state=OutboxEntry.State.DELIVERED, **done)
    _entries(claim, settlement.dropped).update(state=OutboxEntry.State.DROPPED, **done)
    for pk, reason in settlement.dead.items():
        _entries(claim, [pk]).update(
            state=OutboxEntry.State.DEAD,
            settled_at=now,
            last_error=reason,
            attempts=F("attempts") + 1,
        )


def _renumber(using: str, settlement: Settlement) -> None:
    for site_id, taken in settlement.renumber.items():
        pending = OutboxEntry.objects.using(using).filter(
            site_id=site_id, state=OutboxEntry.State.PENDING
        )
        pending.update(seq=None)
        behind = Q(pk=site_id, last_seq__lt=taken)
        SiteDelivery.objects.using(using).filter(behind).update(last_seq=taken)


def _postpone(claim: Claim, held: QuerySet[SiteDelivery], settlement: Settlement) -> None:
    together: dict[tuple[str, datetime | None], list[uuid.UUID]] = {}
    for site_id, reason in settlement.retry.items():
        until = settlement.delays.get(site_id, settlement.retry_at)
        together.setdefault((reason, until), []).append(site_id)
    for (reason, until), sites in together.items():
        held.filter(pk__in=sites).update(
            failures=F("failures") + 1, retry_at=until, last_error=reason
        )
    waiting = [e.pk for e in claim.entries if e.site_id in settlement.retry]
    # An entry with an error of its own counts only the refusals of itself, not the site's delays.
    _entries(claim, waiting).filter(last_error="").update(attempts=F("attempts") + 1)
    refusals = {entry.pk: entry.refusals for entry in claim.entries if settlement.blamed}
    for pk, reason in settlement.blamed.items():
        _entries(claim, [pk]).update(attempts=refusals[pk] + 1, last_error=reason)


def _judge(claim: Claim, settlement: Settlement) -> None:
    """Open the circuit if Supabase is away; close it if it is back after an outage."""
    if settlement.outage and settlement.retry_at:
        reason, until = settlement.outage, settlement.retry_at
        circuit.trip(claim.using, reason, failures=claim.outage, until=until)
    elif claim.outage:
        circuit.close(claim.using)


def _release(held: QuerySet[SiteDelivery], settlement: Settlement) -> None:
    released = {"lease_token": None, "leased_until": None}
    succeeded = held.exclude(pk__in=list(settlement.retry))
    succeeded.update(failures=0, retry_at=None, last_error="", **released)
    if settlement.retry:
        held.update(**released)


def _entries(claim: Claim, pks: list[int]) -> QuerySet[OutboxEntry]:
    pending = OutboxEntry.objects.using(claim.using).filter(state=OutboxEntry.State.PENDING)
    return pending.filter(_among(claim.using, pks))


def _among(using: str, pks: list[int]) -> Q | Func:
    """Return the condition ``pk in pks``; on PostgreSQL with one array in place of hundreds of
    parameters."""
    if connections[using].vendor != "postgresql" or not pks:
        return Q(pk__in=pks)
    return Func(
        F("pk"),
        Value(pks),
        arg_joiner=" = ANY(",
        template="%(expressions)s)",
        output_field=BooleanField(),
    )
