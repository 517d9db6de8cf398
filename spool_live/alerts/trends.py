"""What counters say over time: how fast edits arrive against the week before, and what is refused
for its rate.

Counters only grow, so they are written down every few minutes; two of those, a while apart, say
what happened in between.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from spool_live import counts
from spool_live.models import CounterSample

SLOT = timedelta(minutes=5)
RECENT = timedelta(minutes=15)
HOUR = timedelta(hours=1)
WEEK = timedelta(days=7)
FEW = 20
"""Updates of the last minutes that say nothing about their speed yet."""
FEW_A_WEEK = 500
_BUCKETS = f"{counts.DELIVERY.name}_bucket"
Values = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Trends:
    """Seconds that 95 of 100 updates took at most, of the last minutes and of the week before
    (``None`` where there were too few), and requests of the last hour answered with 429, by the
    limit that they ran into."""

    recent_p95: float | None = None
    week_p95: float | None = None
    throttled: Mapping[str, int] = field(default_factory=dict)


def note_sample(using: str, now: datetime) -> None:
    """Writes the counters down, once in each slot of time over all processes."""
    slot = int(now.timestamp() // SLOT.total_seconds())
    samples = CounterSample.objects.using(using)
    if samples.filter(slot=slot).exists():
        return
    values = _as_sample(counts.read(using))
    samples.bulk_create([CounterSample(slot=slot, at=now, values=values)], ignore_conflicts=True)
    samples.filter(at__lt=now - WEEK - HOUR).delete()


def trends(using: str, now: datetime) -> Trends:
    """What the samples say at ``now``."""
    current = _as_sample(counts.read(using))
    samples = CounterSample.objects.using(using).filter(at__lte=now)
    before = samples.filter(at__lte=now - RECENT).order_by("-at").first()
    first = samples.filter(at__gte=now - WEEK - SLOT).order_by("at").first()
    an_hour_ago = samples.filter(at__gte=now - HOUR - SLOT).order_by("at").first()
    throttled = _between(an_hour_ago.values if an_hour_ago else current, current)
    limits = {
        counts.labels_of(name.partition("|")[2]).get("limit", ""): int(value)
        for name, value in throttled.items()
        if name.startswith(f"{counts.THROTTLED.name}|") and value
    }
    if before is None or first is None:
        return Trends(throttled=limits)
    return Trends(
        recent_p95=p95(_between(before.values, current), FEW),
        week_p95=p95(_between(first.values, before.values), FEW_A_WEEK),
        throttled=limits,
    )


def p95(values: Values, few: int) -> float | None:
    """The 95th percentile of a histogram of delivery, by its buckets (not cumulative): where it
    lies within one, by its share of that. ``None`` of fewer than ``few``."""
    found = {
        counts.labels_of(labels)["le"]: value
        for name, value in values.items()
        for _, _, labels in [name.partition("|")]
        if name.startswith(f"{_BUCKETS}|")
    }
    total = sum(found.values())
    if total < few:
        return None
    wanted, seen, lower = 0.95 * total, 0.0, 0.0
    for bound in counts.DELIVERY.buckets:
        inside = found.get(f"{bound:g}", 0.0)
        if inside and seen + inside >= wanted:
            return lower + (bound - lower) * (wanted - seen) / inside
        seen, lower = seen + inside, bound
    return lower


def _between(before: Values, after: Values) -> dict[str, float]:
    """What was counted in between. A table that was emptied meanwhile has counted from 0."""
    return {
        name: value - before.get(name, 0.0) if value >= before.get(name, 0.0) else value
        for name, value in after.items()
    }


def _as_sample(series: Mapping[counts.Key, float]) -> dict[str, float]:
    return {
        f"{name}|{labels}": value
        for (name, labels), value in series.items()
        if name in {_BUCKETS, counts.THROTTLED.name}
    }
