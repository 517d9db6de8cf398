"""Charts: the axis, the gaps, and the summary for screen readers."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from spool_live.admin.charts import HEIGHT, WIDTH, axis_end, charts, number
from spool_live.samples import Point

NOW = timezone.now()
SINCE = NOW - timedelta(hours=4)
NOTHING: dict[str, Any] = dict.fromkeys(("p50", "p95", "p99", "pending", "dead", "connections"))


def point(hours: float, **values: Any) -> Point:
    given = {**NOTHING, "delivered": 0.0, "unauthorized": 0.0, "throttled": 0.0, **values}
    return Point(at=SINCE + timedelta(hours=hours), **given)


def test_line_spans_the_time_and_the_axis() -> None:
    points = [point(0, delivered=0.0), point(2, delivered=10.0), point(4, delivered=5.0)]
    chart = charts(points, NOW)[0]
    [line] = chart.lines
    assert line.path == f"M0.0 {HEIGHT}.0L1.0 {HEIGHT}.0L{WIDTH / 2} 0.0L{WIDTH}.0 {HEIGHT / 2}"
    assert (chart.top, chart.middle, line.newest) == ("10", "5", "5")
    assert len(chart.times) == 5
    assert chart.summary == "Delivered per minute, now: delivered 5; maximum: 10."


def test_gap_is_a_gap() -> None:
    points = [point(0, p95=1.0), point(1), point(2, p95=1.0), point(3, p95=1.0), point(4)]
    line = charts(points, NOW)[1].lines[1]
    assert line.path.count("M") == 2
    assert line.newest == "nothing"


def test_nothing_is_drawn_of_a_single_point_and_zeros_are_drawn() -> None:
    assert charts([point(1)], NOW) == []
    flat = charts([point(0), point(4)], NOW)
    assert [chart.top for chart in flat] == ["1", "1 s", "1", "1"]


@pytest.mark.parametrize(
    ("maximum", "end"), [(0.03, 0.05), (1.0, 1.0), (1.1, 2.0), (7, 10), (1234, 2000)]
)
def test_axis_ends_at_a_round_number(maximum: float, end: float) -> None:
    assert axis_end(maximum) == pytest.approx(end)


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (0.051, "0.051"), (12.34, "12.3"), (1234.5, "1,234"), (2, "2")]
)
def test_numbers_are_short(value: float, text: str) -> None:
    assert number(value) == text
