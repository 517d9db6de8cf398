"""The circuit breaker: while Supabase is away one worker at a time asks, and ever more rarely.

Its state is a row beside the outbox, so that all workers share it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import connections
from django.db.models import Q
from django.utils import timezone

from spool_live import heartbeats
from spool_live.backoff import ASKED_MAX, OUTAGE_MAX, outage_delay
from spool_live.conf import live_settings
from spool_live.models import DeliveryCircuit
from spool_live.sql import read_sql


def failures(using: str) -> int:
    """Return how often Supabase has failed in a row: 0 while all is well."""
    with connections[using].cursor() as cursor:
        cursor.execute(read_sql("outbox/circuit_failures"))
        row = cursor.fetchone()
    return row[0] if row else 0


def enter(using: str, now: datetime) -> int | None:
    """Return whether Supabase may be asked now: how often it has failed in a row, or ``None`` for
    no.

    After an outage the first one who enters gets the trial; the others wait for how it ends.
    """
    circuits = DeliveryCircuit.objects.using(using)
    circuit = circuits.filter(failures__gt=0).first()
    if circuit is None:
        return 0
    trial_ends = now + 2 * live_settings().request_timeout
    # An end further ahead than we ever set one is from before the clock was set back.
    over = Q(open_until__lte=now) | Q(open_until__gt=now + ASKED_MAX + OUTAGE_MAX)
    due = circuits.filter(over, pk=circuit.pk, failures=circuit.failures)
    return circuit.failures if due.update(open_until=trial_ends) else None


def trip(using: str, reason: str, *, failures: int, until: datetime) -> None:
    """Nobody asks before ``until``; ``failures`` is what ``enter`` answered."""
    DeliveryCircuit.objects.using(using).update_or_create(
        pk=DeliveryCircuit.ROW_ID,
        defaults={"failures": failures + 1, "open_until": until, "last_error": reason},
    )
    heartbeats.failed(using, heartbeats.Part.SUPABASE, reason)


def close(using: str) -> None:
    """Supabase has answered."""
    DeliveryCircuit.objects.using(using).filter(failures__gt=0).update(failures=0, last_error="")
    heartbeats.succeeded(using, heartbeats.Part.SUPABASE)


def next_attempt(failures: int, asked: float | None) -> datetime:
    """When Supabase may be asked again."""
    delay: timedelta = outage_delay(failures, asked=asked)
    return timezone.now() + delay


def outage(using: str) -> DeliveryCircuit | None:
    """Return what is known of the present outage, for people to read; ``None`` while all is
    well."""
    return DeliveryCircuit.objects.using(using).filter(failures__gt=0).first()
