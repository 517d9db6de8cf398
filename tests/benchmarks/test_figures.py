"""A figure is what was measured: what cannot be meets no goal, whatever its sign."""

from __future__ import annotations

from math import inf, nan

import pytest

from benchmarks.figures import (
    Figure,
    Sample,
    over_rounds,
    percentiles,
    ratio_over_rounds,
)
from benchmarks.report import as_page, as_table
from benchmarks.results import Results


@pytest.mark.parametrize("value", [-5_933.0, -0.001, nan, inf, -inf, None])
def test_what_cannot_be_is_not_measured_and_meets_no_goal(value: float | None) -> None:
    figure = Figure("G7 commit to request, p50", value, "ms", 4)
    assert figure.measured is None
    assert figure.met is False
    assert figure.as_json()["value"] is None
    assert "not measured" in as_table([figure])
    assert "yes" not in as_table([figure])


def test_growth_may_be_below_zero() -> None:
    assert Figure("G14 worker's growth", -0.5, "MB", 10, signed=True).met is True


def test_report_says_why_and_counts_it_as_missed() -> None:
    figure = Figure("G7 commit to request, p50", -5_933.0, "ms", 4)
    page = as_page(Results([figure], {}))
    assert "- **G7 commit to request, p50**: not measured, -5933 ms cannot be." in page
    assert "0 of 1" in page


def test_percentiles_want_every_sample() -> None:
    [half] = percentiles([1.0, 2.0], 0.5, expected=3)
    assert half == Sample(None, why="2 of 3 were seen")
    assert Figure("x", half, "ms", 4).met is False


def test_percentiles_refuse_samples_that_cannot_be() -> None:
    found = percentiles([1.0, -5.0, 2.0], 0.5, 0.95, expected=3)
    assert [sample.value for sample in found] == [None, None]
    assert found[0].why == "1 of 3 cannot be, as -5"


def test_percentiles() -> None:
    half, most = percentiles([4.0, 1.0, 3.0, 2.0], 0.5, 0.95, expected=4)
    assert (half.value, most.value) == (3.0, 4.0)


def test_ratio_is_taken_inside_each_round_and_shows_its_spread() -> None:
    sample = ratio_over_rounds([2.0, 30.0, 8.0], [1.0, 10.0, 2.0])
    assert sample == Sample(3.0, (2.0, 4.0))
    figure = Figure("G1 save in a transaction", sample, "x plain", 1.25)
    assert "3 x plain (2 to 4)" in as_table([figure])
    assert figure.as_json()["spread"] == [2.0, 4.0]
    assert Figure.from_json(figure.as_json()).spread == (2.0, 4.0)


def test_no_round_is_not_measured() -> None:
    assert over_rounds([]).value is None


def test_a_peer_that_was_not_measured_gives_no_ratio() -> None:
    assert Figure("x", 1.0, "x", peer="other", peer_value=Sample(None)).ratio is None
