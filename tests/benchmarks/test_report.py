"""The benchmark report: the figures' schema, the page, the plots."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks.figures import Figure
from benchmarks.goals import NOTES, note_of
from benchmarks.report import as_page, as_table, write_report
from benchmarks.results import Results, read_results, write_results

SCHEMA: dict[str, type | tuple[type, ...]] = {
    "name": str,
    "value": (float, type(None)),
    "unit": str,
    "spread": (list, type(None)),
    "peer": str,
    "peer_value": (float, type(None)),
    "ratio": (float, type(None)),
    "goal": (float, int, type(None)),
    "met": (bool, type(None)),
    "why": str,
}
FIGURES = [
    Figure("G1 save in a transaction", 1.21037, "x plain", 1.25, "django-pghistory", 1.31),
    Figure("G1 with slug and publish state", 1.6, "x plain"),
    Figure("save, django-reversion", 2.9, "x plain"),
    Figure("G5 updates delivered", 28_123.4, "/s", 30_000, "one request a row", 401.0, True),
    Figure("G10 commit to callback, 50 subscribers, p50", 12.0, "ms", 20, "its own leg", 2.5),
    Figure("commit to callback, 50 subscribers, p95", 31.0, "ms"),
]
COURSES = {"cleanup": {"ours": [[0.1, 12.0], [0.2, 15.0]], "one DELETE": [[0.1, 12.0], [3, 4000]]}}


@pytest.fixture
def results() -> Results:
    return Results(FIGURES, {"date": "2026-01-31", "cores": "2"}, COURSES)


def test_latest_json_has_ten_values_a_figure(results: Results, tmp_path: Path) -> None:
    write_results(results, tmp_path)
    rows = json.loads((tmp_path / "latest.json").read_text())
    assert len(rows) == len(FIGURES)
    for row in rows:
        assert list(row) == list(SCHEMA)
        for name, kind in SCHEMA.items():
            assert isinstance(row[name], kind), (row["name"], name)


def test_committed_results_have_the_same_schema() -> None:
    found = Path(__file__).parents[2] / "benchmarks" / "results" / "latest.json"
    rows = json.loads(found.read_text())
    assert {tuple(row) for row in rows} == {tuple(SCHEMA)}
    goals = {row["name"].split()[0] for row in rows if row["met"] is not None}
    assert goals >= {f"G{n}" for n in range(1, 15)}


def test_results_read_back_are_the_results(results: Results, tmp_path: Path) -> None:
    write_results(results, tmp_path)
    found = read_results(tmp_path)
    assert [figure.met for figure in found.figures] == [True, None, None, False, True, None]
    assert [f.as_json() for f in found.figures] == [f.as_json() for f in FIGURES]
    assert (found.facts, found.series) == (results.facts, results.series)


def test_what_was_measured_again_takes_the_place_of_the_former_figure(results: Results) -> None:
    newer = Results([Figure("G5 updates delivered", 31_000.0, "/s", 30_000, "", None, True)], {})
    found = results.with_again(newer)
    assert [f.name for f in found.figures] == [f.name for f in FIGURES]
    assert found.figures[3].met is True
    assert found.facts["measured again"] == "G5"
    assert found.with_again(newer).facts["measured again"] == "G5"
    assert found.series == results.series


def test_figures_of_a_new_suite_are_named_as_of_a_later_run(results: Results) -> None:
    names = ("edit to changed page, next dev, p50", "edit to changed page, next dev, p95")
    found = results.with_again(Results([Figure(name, 300.0, "ms") for name in names], {}))
    assert [figure.name for figure in found.figures[-2:]] == list(names)
    assert found.facts["measured again"] == "edit to changed page"


@pytest.mark.parametrize("more_is_better", [True, False])
@pytest.mark.parametrize("value", [0.9, 1.00001, 1.1])
def test_what_is_read_back_is_as_met_as_it_was_written(value: float, more_is_better: bool) -> None:
    written = Figure("x", value, "s", 1.0, more_is_better=more_is_better).as_json()
    assert Figure.from_json(written).as_json() == written


def test_page_names_a_reason_for_what_was_missed_only(results: Results) -> None:
    page = as_page(results)
    assert "**2 of 3 met.**" in page
    missed = page.partition("### Goals that were missed")[2].partition("## In pictures")[0]
    assert "G5 updates delivered" in missed
    assert note_of("G5 updates delivered").why in missed
    assert "G1 save" not in missed


def test_page_shows_goal_peer_and_limit_beside_each_figure(results: Results) -> None:
    line = next(x for x in as_page(results).splitlines() if x.startswith("| G5 updates"))
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells[:5] == [
        "G5 updates delivered",
        "28,123 /s",
        ">= 30,000",
        "**no**",
        "one request a row: 401",
    ]
    assert cells[5] == NOTES["G5 "].limit


@pytest.mark.parametrize(
    ("facts", "cautious"),
    [
        ({"scale": "1", "load average at the start": "0.3"}, False),
        ({"scale": "0.2", "load average at the start": "0.3"}, True),
        ({"scale": "1", "load average at the start": "7.5"}, True),
    ],
    ids=["alone, in full", "short", "busy"],
)
def test_page_warns_of_a_run_that_means_little(facts: dict[str, str], cautious: bool) -> None:
    assert ("Take it with care" in as_page(Results(FIGURES, facts))) is cautious


def test_terminal_table_lines_up() -> None:
    assert len({len(line) for line in as_table(FIGURES).splitlines()}) == 1


def test_report_refers_to_the_plots_it_writes(results: Results, tmp_path: Path) -> None:
    write_report(results, tmp_path)
    page = (tmp_path / "explanation" / "benchmarks.md").read_text()
    drawn = {path.name for path in (tmp_path / "images").iterdir()}
    assert drawn == {
        "save-overhead.svg",
        "latency-subscribers.svg",
        "delivery-rate.svg",
        "cleanup-latency.svg",
    }
    for name in drawn:
        assert f"(../images/{name})" in page
        ElementTree.fromstring((tmp_path / "images" / name).read_text())  # well-formed


def test_report_is_the_same_for_the_same_results(results: Results, tmp_path: Path) -> None:
    write_results(results, tmp_path / "results")
    for folder in ("a", "b"):
        write_report(read_results(tmp_path / "results"), tmp_path / folder)
    for path in (tmp_path / "a").rglob("*.*"):
        assert path.read_bytes() == (tmp_path / "b" / path.relative_to(tmp_path / "a")).read_bytes()


def test_plots_without_figures_are_left_out(tmp_path: Path) -> None:
    write_report(Results(FIGURES[:1], {}), tmp_path)
    assert [path.name for path in (tmp_path / "images").iterdir()] == ["save-overhead.svg"]
