"""The pace: all workers of a content database together deliver at the configured rate.

A row in the content database holds the time until which the last batch uses up the rate. The first
worker that comes after that time takes the next turn. The cache is not involved, so a cache that is
down neither slows delivery nor lifts the limit.
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
"""For how long a turn is reserved until the number of its updates is known."""
LONGEST_TURN = timedelta(minutes=1)
"""A turn that ends later than this was written before the clock was set back: a batch takes about a
second."""


@dataclass(frozen=True, slots=True)
class Turn:
    """The right to claim one batch. Without a configured rate every worker always has it."""

    using: str
    began: datetime
    rate: int

    def carried(self, updates: int) -> None:
        """Record that this turn has so many ``updates``, and occupy the time that they are due.

        If the claim took so long that another worker has begun a turn, the time is added to theirs.
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
    """Wait until the previous turn is over, then take the next one.

    ``pause`` is called with the seconds to wait. Returns ``None`` if another worker took the turn
    meanwhile: its claim finds the same entries as ours would, so there is no need to wait again.
    """
    rate = live_settings().delivery_rate
    for attempts_left in (1, 0):
        now = timezone.now()
        if not rate or _reserve(using, now):
            return Turn(using, now, rate)
        if attempts_left:
            pause(_seconds_left(using, now))
    return None


def _reserve(using: str, now: datetime) -> bool:
    free = Q(paced_until=None) | Q(paced_until__lte=now) | Q(paced_until__gt=now + LONGEST_TURN)
    row = _row(using)
    if row.filter(free).update(paced_until=now + CLAIM_TIME):
        return True
    if row.exists():
        return False
    _, is_new = DeliveryCircuit.objects.using(using).get_or_create(
        pk=DeliveryCircuit.ROW_ID, defaults={"paced_until": now + CLAIM_TIME}
    )
    return is_new


def _seconds_left(using: str, now: datetime) -> float:
    until = _row(using).values_list("paced_until", flat=True).first()
    return max(0.0, (until - now).total_seconds()) if until else 0.0


def _row(using: str) -> QuerySet[DeliveryCircuit]:
    return DeliveryCircuit.objects.using(using).filter(pk=DeliveryCircuit.ROW_ID)
