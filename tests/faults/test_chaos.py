"""The short form of the chaos run, and that its verdict finds what it is there to find.

The long form (100,000 edits, 500 faults and more): ``python -m benchmarks.chaos``.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from django.conf import settings

from tests.faults.chaos.part import ROOT
from tests.faults.chaos.plan import make_plan
from tests.faults.chaos.verdict import Edit, Row, Verdict, judge

EDITS, FAULTS, SEED = 2200, 44, 3
"""As many faults as there are kinds: each happens once."""
STOPPED_AFTER = 250


@pytest.mark.timeout(280)
@pytest.mark.skipif(settings.CONTENT != "postgresql", reason="brings its own: once is enough")
def test_nothing_is_lost_doubled_or_reordered(tmp_path: Path) -> None:
    report, stage = tmp_path / "report.md", tmp_path / "stage"
    command = [sys.executable, "-m", "tests.faults.chaos", "--output", str(report)]
    size = {"edits": EDITS, "faults": FAULTS, "seed": SEED, "rate": 180}
    options = [part for name, value in size.items() for part in (f"--{name}", str(value))]
    process = subprocess.Popen(
        [*command, *options, "--keep", str(stage)],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        output = "\n".join(process.communicate(timeout=STOPPED_AFTER))
    except subprocess.TimeoutExpired:
        process.terminate()  # it ends its processes
        output = "\n".join(process.communicate())
    assert process.returncode == 0, output
    facts = json.loads(report.with_suffix(".json").read_text())
    assert facts["edits"] >= EDITS
    assert set(facts["faults"].values()) == {1}
    assert len(facts["faults"]) == FAULTS
    assert facts["states"] == {"delivered": facts["edits"]}


def history() -> tuple[list[Edit], list[Row]]:
    """Six edits of two items by two editors, and their rows."""
    edits = [
        Edit(n, f"editor {n % 2}", n, "here", f"item {n // 3}", "updated", str(n)) for n in range(6)
    ]
    return edits, [
        Row(f"id {n}", n + 1, edit.site, edit.item, edit.event, edit.edit)
        for n, edit in enumerate(edits)
    ]


def wrong(verdict: Verdict) -> set[str]:
    return {what for what, count in verdict.counts.items() if count}


class TestVerdict:
    def test_clean_where_all_agree(self) -> None:
        edits, rows = history()
        verdict = judge(edits, rows, {"here": rows}, resets=0)
        assert verdict.is_clean
        assert len(verdict.counts) > 10

    def test_lost_on_the_way_to_the_table(self) -> None:
        edits, rows = history()
        verdict = judge(edits, rows[:-1], {"here": rows[:-1]}, resets=0)
        assert wrong(verdict) == {"lost"}

    def test_written_twice(self) -> None:
        edits, rows = history()
        again = [*rows, replace(rows[-1], id="another", seq=7)]
        assert wrong(judge(edits, again, {"here": again}, resets=0)) == {"duplicated rows"}

    def test_rolled_back_and_yet_there(self) -> None:
        edits, rows = history()
        assert wrong(judge(edits[:-1], rows, {"here": rows}, resets=0)) == {"never edited"}

    def test_at_the_wrong_site(self) -> None:
        edits, rows = history()
        strayed = replace(rows[-1], site="there", seq=1)
        moved = [*rows[:-1], strayed]
        verdict = judge(edits, moved, {"here": moved[:-1], "there": [strayed]}, resets=0)
        assert wrong(verdict) == {"lost", "at the wrong site"}

    def test_out_of_order(self) -> None:
        edits, rows = history()
        rows[0], rows[2] = replace(rows[0], seq=3), replace(rows[2], seq=1)
        seen = sorted(rows, key=lambda row: row.seq or 0)
        found = wrong(judge(edits, rows, {"here": seen}, resets=0))
        assert found == {"out of order within an item", "out of order within an editor"}

    def test_number_left_out(self) -> None:
        edits, rows = history()
        rows[-1] = replace(rows[-1], seq=9)
        assert wrong(judge(edits, rows, {"here": rows}, resets=0)) == {"gaps in the numbers"}

    @pytest.mark.parametrize(
        ("places", "finding"),
        [
            ([0, 1, 2, 3, 4], "not handled"),
            ([0, 1, 2, 3, 4, 4, 5], "handled twice"),
            ([0, 2, 1, 3, 4, 5], "handled out of order"),
        ],
    )
    def test_handler_that_saw_something_else(self, places: list[int], finding: str) -> None:
        edits, rows = history()
        seen = {"here": [rows[n] for n in places]}
        assert wrong(judge(edits, rows, seen, resets=0)) == {finding}

    def test_handled_at_a_site_that_has_no_such_row(self) -> None:
        edits, rows = history()
        verdict = judge(edits, rows, {"here": rows, "there": rows[:1]}, resets=1)
        assert wrong(verdict) == {"handled but not in the table", "resets"}


class TestPlan:
    def test_same_for_the_same_seed(self) -> None:
        assert make_plan("abc", 10, 100, seed=1) == make_plan("abc", 10, 100, seed=1)
        assert make_plan("abc", 10, 100, seed=1) != make_plan("abc", 10, 100, seed=2)

    def test_each_kind_about_as_often_over_the_whole_run(self) -> None:
        plan = make_plan("abcd", 42, 1000, seed=1)
        assert set(Counter(planned.kind for planned in plan).values()) == {10, 11}
        assert [planned.after for planned in plan] == sorted(planned.after for planned in plan)
        assert 0 < plan[0].after < 50
        assert 950 < plan[-1].after < 1000
