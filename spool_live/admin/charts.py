"""Charts of the dashboard: lines over time as SVG paths, with their axes as text. No I/O.

The page stretches the SVG to the width of the window. Labels are HTML beside it, so that they stay
readable on a phone. Nothing has a style attribute, which a strict Content Security Policy forbids.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone
from django.utils.translation import gettext

from spool_live.samples import Point

WIDTH, HEIGHT = 600, 120
Value = Callable[[Point], float | None]


@dataclass(frozen=True, slots=True)
class ChartLine:
    """One line of a chart: its name, its newest value as text, and its SVG path."""

    name: str
    newest: str
    path: str


@dataclass(frozen=True, slots=True)
class Chart:
    """One chart. ``top`` and ``middle`` label the axis of values, ``times`` the axis of time;
    ``summary`` describes the chart to screen readers."""

    title: str
    lines: tuple[ChartLine, ...]
    top: str
    middle: str
    times: tuple[str, ...]
    summary: str


def charts(points: Sequence[Point], now: datetime) -> list[Chart]:
    """Return the charts of the time from the first of ``points`` until ``now``; none where there
    are fewer than two points."""
    if len(points) < 2:  # noqa: PLR2004 - a line has two ends
        return []
    since = points[0].at
    return [
        _chart(
            gettext("Delivered per minute"),
            [(gettext("delivered"), lambda p: p.delivered)],
            *(points, since, now),
        ),
        _chart(
            gettext("From edit to Supabase"),
            [("p50", lambda p: p.p50), ("p95", lambda p: p.p95), ("p99", lambda p: p.p99)],
            *(points, since, now),
            unit=" s",
        ),
        _chart(
            gettext("Updates that wait"),
            [
                (gettext("waiting"), lambda p: p.pending),
                (gettext("dead"), lambda p: p.dead),
            ],
            *(points, since, now),
        ),
        _chart(
            gettext("Refused requests per minute"),
            [
                (gettext("401, credentials"), lambda p: p.unauthorized),
                (gettext("429, too many"), lambda p: p.throttled),
            ],
            *(points, since, now),
        ),
    ]


def axis_end(maximum: float) -> float:
    """Return the first of ..., 0.5, 1, 2, 5, 10, ... that is not below ``maximum``."""
    power = 1e-3
    while power < maximum:
        for step in (1, 2, 5):
            if power * step >= maximum:
                return power * step
        power *= 10
    return power


def number(value: float) -> str:
    """Return ``value`` as text for people: ``1,234``, ``12.5``, ``0.05``."""
    if value >= 100 or value == int(value):  # noqa: PLR2004
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2g}"  # noqa: PLR2004


def _chart(
    title: str,
    lines: Sequence[tuple[str, Value]],
    points: Sequence[Point],
    since: datetime,
    now: datetime,
    *,
    unit: str = "",
) -> Chart:
    values = [v for _, value in lines for p in points if (v := value(p)) is not None]
    maximum = max(values, default=0.0)
    top = axis_end(maximum) if maximum else 1.0
    drawn = tuple(
        ChartLine(name, _newest(value, points, unit), _path(value, points, since, now, top))
        for name, value in lines
    )
    newest = ", ".join(f"{line.name} {line.newest}" for line in drawn)
    return Chart(
        title=title,
        lines=drawn,
        top=f"{number(top)}{unit}",
        middle=f"{number(top / 2)}{unit}",
        times=_times(since, now),
        summary=gettext("%(title)s, now: %(newest)s; maximum: %(maximum)s.")
        % {"title": title, "newest": newest, "maximum": f"{number(maximum)}{unit}"},
    )


def _newest(value: Value, points: Sequence[Point], unit: str) -> str:
    found = value(points[-1])
    return gettext("nothing") if found is None else f"{number(found)}{unit}"


def _path(value: Value, points: Sequence[Point], since: datetime, now: datetime, top: float) -> str:
    """Return the SVG path: ``M`` to the first point and to the first after a gap, else ``L``."""
    span = (now - since).total_seconds()
    parts, command = [], "M"
    for point in points:
        found = value(point)
        if found is None:
            command = "M"
            continue
        x = WIDTH * (point.at - since).total_seconds() / span
        y = HEIGHT - HEIGHT * found / top
        parts.append(f"{command}{x:.1f} {y:.1f}")
        # A point between two gaps is drawn as a short line.
        command = "L"
        if len(parts) == 1 or parts[-1][0] == "M":
            parts.append(f"L{x + 1:.1f} {y:.1f}")
    return "".join(parts)


def _times(since: datetime, now: datetime) -> tuple[str, ...]:
    step = (now - since) / 4
    return tuple(f"{timezone.localtime(since + step * place):%H:%M}" for place in range(5))
