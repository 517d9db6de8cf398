"""The circuit breaker: while Supabase is away, one worker at a time tries it, less and less often.

Its state is a row in the content database, so that all workers share it.
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
    """Return how often Supabase has failed in a row; 0 if the last attempt succeeded."""
    with connections[using].cursor() as cursor:
        cursor.execute(read_sql("outbox/circuit_failures"))
        row = cursor.fetchone()
    return row[0] if row else 0


def enter(using: str, now: datetime) -> int | None:
    """Ask for permission to call Supabase at ``now``.

    Returns how often Supabase has failed in a row, or ``None`` if it must not be called now. During
    an outage the first caller gets the trial; the others wait for its result.
    """
    circuits = DeliveryCircuit.objects.using(using)
    circuit = circuits.filter(failures__gt=0).first()
    if circuit is None:
        return 0
    trial_ends = now + 2 * live_settings().request_timeout
    # A pause that ends further ahead than we ever set it dates from before the clock was set back.
    over = Q(open_until__lte=now) | Q(open_until__gt=now + ASKED_MAX + OUTAGE_MAX)
    due = circuits.filter(over, pk=circuit.pk, failures=circuit.failures)
    return circuit.failures if due.update(open_until=trial_ends) else None


def trip(using: str, reason: str, *, failures: int, until: datetime) -> None:
    """Open the circuit: no worker calls Supabase before ``until``, because of ``reason``.

    ``failures`` is what ``enter`` returned.
    """
    DeliveryCircuit.objects.using(using).update_or_create(
        pk=DeliveryCircuit.ROW_ID,
        defaults={"failures": failures + 1, "open_until": until, "last_error": reason},
    )
    heartbeats.failed(using, heartbeats.Part.SUPABASE, reason)


def close(using: str) -> None:
    """Close the circuit: Supabase has answered, and every worker may call it again."""
    DeliveryCircuit.objects.using(using).filter(failures__gt=0).update(failures=0, last_error="")
    heartbeats.succeeded(using, heartbeats.Part.SUPABASE)


def next_attempt(failures: int, asked: float | None) -> datetime:
    """Return when Supabase may be called again after ``failures`` failures in a row.

    ``asked`` is the pause in seconds that Supabase asked for, if it did.
    """
    delay: timedelta = outage_delay(failures, asked=asked)
    return timezone.now() + delay


def outage(using: str) -> DeliveryCircuit | None:
    """Return the state of the present outage, for people to read; ``None`` if there is none."""
    return DeliveryCircuit.objects.using(using).filter(failures__gt=0).first()
