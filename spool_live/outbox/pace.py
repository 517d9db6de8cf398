"""The pace: all workers of a content database together deliver at the configured rate.

A row beside the outbox says until when the last batch takes up the rate. Whoever finds it free
takes the turn; the cache is not asked, so a dead one slows nothing and lets nothing through.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import F, Q, QuerySet
from django.utils import timezone

from spool_live.conf import live_settings
from spool_live.models import DeliveryCircuit

CLAIM_TIME = timedelta(milliseconds=100)
"""What a turn is reserved for until it is known how many updates it has."""
LONGEST_TURN = timedelta(minutes=1)
"""A turn that ends later is from before the clock was set back: a batch is a second's worth."""


@dataclass(frozen=True, slots=True)
class Turn:
    """The right to claim one batch. Without a rate everybody always has it."""

    using: str
    began: datetime
    rate: int

    def carried(self, updates: int) -> None:
        """Note that so many ``updates`` go, which takes as long as the rate allows.

        Where somebody else came in between (a claim that took long), theirs is added.
        """
        if not self.rate:
            return
        occupied = timedelta(seconds=updates / self.rate)
        row = _row(self.using)
        if not row.filter(paced_until=self.began + CLAIM_TIME).update(
            paced_until=self.began + occupied
        ):
            row.update(paced_until=F("paced_until") + occupied)


def take_turn(using: str, pause: Callable[[float], None]) -> Turn | None:
    """Wait until the previous batch is through, and take the turn.

    ``None`` where somebody else took it after we had looked: their claim finds whatever ours
    would, so a second worker has nothing to wait for.
    """
    rate = live_settings().delivery_rate
    for looks_left in (1, 0):
        now = timezone.now()
        if not rate or _reserve(using, now):
            return Turn(using, now, rate)
        if looks_left:
            pause(_seconds_left(using, now))
    return None


def _reserve(using: str, now: datetime) -> bool:
    free = Q(paced_until=None) | Q(paced_until__lte=now) | Q(paced_until__gt=now + LONGEST_TURN)
    row = _row(using)
    if row.filter(free).update(paced_until=now + CLAIM_TIME):
        return True
    if row.exists():
        return False
    _, made = DeliveryCircuit.objects.using(using).get_or_create(
        pk=DeliveryCircuit.ROW_ID, defaults={"paced_until": now + CLAIM_TIME}
    )
    return made


def _seconds_left(using: str, now: datetime) -> float:
    until = _row(using).values_list("paced_until", flat=True).first()
    return max(0.0, (until - now).total_seconds()) if until else 0.0


def _row(using: str) -> QuerySet[DeliveryCircuit]:
    return DeliveryCircuit.objects.using(using).filter(pk=DeliveryCircuit.ROW_ID)
