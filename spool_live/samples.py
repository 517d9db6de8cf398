"""Samples of the counters and of a few levels, taken once a minute, for charts and alerts.

Counters only grow, so the difference of two samples is what happened in between. The processes that
evaluate the alert rules write them. A sample a minute is kept for a day, one in five minutes for a
week.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import pairwise

from spool_live import counts
from spool_live.models import CounterSample

SLOT = timedelta(minutes=1)
SPARSE = 5
"""Of samples older than a day, one in this many slots is kept."""
DAY, WEEK, HOUR = timedelta(days=1), timedelta(days=7), timedelta(hours=1)
MAX_POINTS = 120
"""Most points that a chart can show."""
COUNTED = frozenset(
    metric.name for metric in (counts.UPDATES, counts.TOKENS, counts.UNAUTHORIZED, counts.THROTTLED)
)
_BUCKETS = f"{counts.DELIVERY.name}_bucket"
LEVELS = ("pending", "dead", "oldest", "connections")
Values = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Point:
    """What a chart shows of the time from the sample before until ``at``.

    ``delivered``, ``unauthorized`` and ``throttled`` are per minute, latencies in seconds (``None``
    where nothing was delivered); levels are those at ``at`` (``None`` where unknown).
    """

    at: datetime
    delivered: float
    unauthorized: float
    throttled: float
    p50: float | None
    p95: float | None
    p99: float | None
    pending: float | None
    dead: float | None
    connections: float | None


def note(using: str, now: datetime, levels: Mapping[str, float | None]) -> None:
    """Store the counters and ``levels`` (named in ``LEVELS``) as a sample, unless another process
    has in this slot of time, and delete old samples."""
    slot = int(now.timestamp() // SLOT.total_seconds())
    samples = CounterSample.objects.using(using)
    if samples.filter(slot=slot).exists():
        return
    known = {name: float(value) for name, value in levels.items() if value is not None}
    values = {**current(using), **known}
    samples.bulk_create([CounterSample(slot=slot, at=now, values=values)], ignore_conflicts=True)
    samples.filter(at__lt=now - WEEK - HOUR).delete()
    aged = samples.filter(at__lt=now - DAY, at__gte=now - DAY - HOUR).order_by("slot")
    slots = list(aged.values_list("slot", flat=True))
    spare = [slot for before, slot in pairwise(slots) if before // SPARSE == slot // SPARSE]
    samples.filter(pk__in=spare).delete()


def current(using: str) -> dict[str, float]:
    """Return the counters now, as a sample holds them: by ``name|labels``."""
    return {
        f"{name}|{labels}": value
        for (name, labels), value in counts.read(using).items()
        if name == _BUCKETS or name in COUNTED
    }


def between(before: Values, after: Values) -> dict[str, float]:
    """Return what was counted in between. A counter that is lower in ``after`` began at 0 again."""
    return {
        name: value - before.get(name, 0.0) if value >= before.get(name, 0.0) else value
        for name, value in after.items()
    }


def percentile(values: Values, share: float, few: int = 1) -> float | None:
    """Return the seconds within which a ``share`` (as 0.95) of the delivered updates was delivered;
    ``None`` for fewer than ``few`` updates. It is interpolated within the buckets of the delivery
    histogram, which are not cumulative."""
    found = {
        _labels(labels)["le"]: value
        for name, value in values.items()
        for _, _, labels in [name.partition("|")]
        if name.startswith(f"{_BUCKETS}|")
    }
    total = sum(found.values())
    if total < few:
        return None
    wanted, seen, lower = share * total, 0.0, 0.0
    for bound in counts.DELIVERY.buckets:
        inside = found.get(f"{bound:g}", 0.0)
        if inside and seen + inside >= wanted:
            return lower + (bound - lower) * (wanted - seen) / inside
        seen, lower = seen + inside, bound
    return lower


def course(using: str, since: datetime, now: datetime) -> list[Point]:
    """Return what happened from ``since`` until ``now``: at most ``MAX_POINTS`` points, oldest
    first."""
    samples = CounterSample.objects.using(using)
    found = samples.filter(at__gt=since, at__lte=now).order_by("at")
    slots = list(found.values_list("slot", flat=True))
    step = -(-len(slots) // MAX_POINTS) or 1
    kept = slots[::-step]  # the newest is among them
    rows = samples.filter(slot__in=kept).order_by("at").values_list("at", "values")
    return [_point(*before, *after) for before, after in pairwise(rows)]


def summed(values: Values, metric: counts.Metric, **labels: str) -> float:
    """Return the sum of the series of ``metric`` that have ``labels``."""
    total = 0.0
    for name, value in values.items():
        series, _, text = name.partition("|")
        if series == metric.name and labels.items() <= _labels(text).items():
            total += value
    return total


@lru_cache(maxsize=256)
def _labels(text: str) -> Mapping[str, str]:
    return counts.labels_of(text)


def _point(before_at: datetime, before: Values, at: datetime, values: Values) -> Point:
    counted = between(before, values)
    minutes = max((at - before_at) / SLOT, 1e-6)
    p50, p95, p99 = (percentile(counted, share) for share in (0.5, 0.95, 0.99))
    return Point(
        at=at,
        delivered=summed(counted, counts.UPDATES, outcome="delivered") / minutes,
        unauthorized=summed(counted, counts.UNAUTHORIZED) / minutes,
        throttled=summed(counted, counts.THROTTLED) / minutes,
        p50=p50,
        p95=p95,
        p99=p99,
        pending=values.get("pending"),
        dead=values.get("dead"),
        connections=values.get("connections"),
    )
