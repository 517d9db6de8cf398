"""Trends of the counters: how fast edits arrive, compared with the week before, and how many
requests are throttled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from spool_live import counts, samples
from spool_live.models import CounterSample

RECENT = timedelta(minutes=15)
LATE = timedelta(minutes=5)
"""How much older than an hour or a week a sample of an hour or a week ago may be."""
FEW = 20
"""Fewer updates than this in the last minutes say nothing about the speed."""
FEW_A_WEEK = 500
"""The same for the week before."""


@dataclass(frozen=True, slots=True)
class Trends:
    """Seconds that 95 of 100 updates took at most, of the last minutes and of the week before
    (``None`` where there were too few), and requests of the last hour answered with 429, by the
    limit that they ran into."""

    recent_p95: float | None = None
    week_p95: float | None = None
    throttled: Mapping[str, int] = field(default_factory=dict)


def trends(using: str, now: datetime) -> Trends:
    """Return the trends of the samples up to ``now``."""
    current = samples.current(using)
    rows = CounterSample.objects.using(using).filter(at__lte=now)
    before = rows.filter(at__lte=now - RECENT).order_by("-at").first()
    first = rows.filter(at__gte=now - samples.WEEK - LATE).order_by("at").first()
    an_hour_ago = rows.filter(at__gte=now - samples.HOUR - LATE).order_by("at").first()
    throttled = samples.between(an_hour_ago.values if an_hour_ago else current, current)
    limits = {
        counts.labels_of(name.partition("|")[2]).get("limit", ""): int(value)
        for name, value in throttled.items()
        if name.startswith(f"{counts.THROTTLED.name}|") and value
    }
    if before is None or first is None:
        return Trends(throttled=limits)
    return Trends(
        recent_p95=samples.percentile(samples.between(before.values, current), 0.95, FEW),
        week_p95=samples.percentile(samples.between(first.values, before.values), 0.95, FEW_A_WEEK),
        throttled=limits,
    )
