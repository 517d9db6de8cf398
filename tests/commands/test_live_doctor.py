"""``live_doctor``: table and JSON, exit codes, phases."""

from __future__ import annotations

from typing import Any

import pytest

from spool_live.doctor import DoctorFinding, DoctorResult, Level, RolloutPhase, report
from spool_live.management.commands import live_doctor
from tests.commands.conftest import Run

OK = DoctorResult("one", "All is there", RolloutPhase.DATABASE)
WARNING = DoctorResult(
    "two",
    "All is kept",
    RolloutPhase.BACKEND,
    (DoctorFinding(Level.WARNING, "It is late.", "Hurry."),),
)
ERROR = DoctorResult(
    "three",
    "It flows",
    RolloutPhase.BACKEND,
    (DoctorFinding(Level.ERROR, "It is dry.", "Open it.", "E9"),),
)
MISSED = DoctorResult("four", "It is seen", RolloutPhase.CLIENTS, reason="Nobody looked.")
NEEDLESS = DoctorResult(
    "five", "It is far", RolloutPhase.ROLLOUT, reason="It is here.", is_needed=False
)


@pytest.mark.parametrize(
    ("results", "fail_on", "code"),
    [
        ([OK, NEEDLESS], "warning", 0),
        ([OK, WARNING], "error", 0),
        ([OK, WARNING], "warning", 1),
        ([OK, WARNING, ERROR, MISSED], "error", 1),
        ([OK, ERROR], "never", 0),
        ([OK, MISSED], "error", 2),
        ([WARNING, MISSED], "error", 2),
        ([OK, MISSED], "never", 0),
    ],
)
def test_exit_codes(results: list[DoctorResult], fail_on: str, code: int) -> None:
    assert live_doctor.exit_code(results, fail_on) == code


def test_table_names_each_check_with_cause_and_remedy() -> None:
    text = "\n".join(report.lines([OK, WARNING, ERROR, MISSED, NEEDLESS]))
    assert text == (
        "Phase database\n"
        "  ok          All is there\n"
        "\n"
        "Phase backend\n"
        "  warning     All is kept\n"
        "              warning: It is late.\n"
        "              > Hurry.\n"
        "  error       It flows\n"
        "              error: It is dry. (E9)\n"
        "              > Open it.\n"
        "\n"
        "Phase clients\n"
        "  not checked It is seen\n"
        "              Nobody looked.\n"
        "\n"
        "Phase rollout\n"
        "  not needed  It is far\n"
        "              It is here.\n"
        "\n"
        "1 error, 1 warning, 1 check that could not be carried out: 5 checks in 0.0 s."
    )
    assert report.summary([OK]) == "All is well: 1 check in 0.0 s."


@pytest.mark.django_db(databases="__all__")
def test_whole_run_in_json(run: Run, live: Any, suite_supabase: Any) -> None:
    live(SUPABASE_URI="x", JWT_SIGNING_KEY="hunter2-hunter2-hunter2-hunter2-hunter2")
    outcome = run("live_doctor", "--format", "json")
    document = outcome.rows
    assert (outcome.code, document["ok"], document["phase"]) == (1, False, None)
    by_name = {one["check"]: one for one in document["checks"]}
    [finding] = by_name["settings"]["findings"]
    assert (finding["level"], finding["code"]) == ("error", "spool_live.E001")
    assert "SUPABASE_URI" in finding["cause"]
    assert by_name["token"]["state"] == "not checked"
    assert document["not_checked"] == len(by_name) - 1
    assert "hunter2" not in outcome.out


@pytest.mark.django_db(databases="__all__")
@pytest.mark.usefixtures("alive")
def test_phase_in_a_table(run: Run, suite_supabase: Any) -> None:
    outcome = run("live_doctor", "--phase", "database", "--verbosity", "2")
    assert outcome.code == 0
    assert "Phase database\n  ok          The databases answer" in outcome.out
    assert "Phase backend" not in outcome.out
    assert "live_doctor: The databases answer?" in outcome.err
    strict = run("live_doctor", "--phase", "database", "--fail-on", "warning")
    assert strict.code == 1
    assert "never run" in strict.out
    assert max(map(len, strict.out.splitlines())) <= 100
