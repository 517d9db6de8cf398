from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from xml.etree import ElementTree as ET

import pytest

from spool_live.isolation import Accepted, Report, rules
from spool_live.isolation.formats import FORMATS, render
from spool_live.isolation.rules import RULES
from tests.isolation.reports import report_of

LONG_SQL = "create function f()\nlanguage sql\nas $$\nselect 1\nunion all\nselect 2\n$$;"


@pytest.fixture
def report() -> Report:
    return report_of(
        rules.FUNCTION_BODY.broken("spool_live.f()", "a | b <c> & \x01", sql=LONG_SQL),
        rules.FUNCTION_BODY.broken("spool_live.g()", "another"),
        rules.PUBLICATION_DELETES.broken("supabase_realtime", "it publishes deletions"),
    )


@pytest.mark.parametrize("name", FORMATS)
def test_format_names_every_finding(report: Report, name: str) -> None:
    text = render(report, name)
    for finding in report.findings:
        assert finding.code in text
        assert finding.subject in text


@pytest.mark.parametrize(("fail_on", "failures"), [("error", 1), ("warning", 2), ("never", 0)])
def test_junit_fails_where_the_exit_code_does(report: Report, fail_on: str, failures: int) -> None:
    suite = ET.fromstring(render(report, "junit", fail_on=fail_on))
    assert len(suite.findall("testcase/failure")) == int(suite.attrib["failures"]) == failures


@pytest.mark.parametrize("name", FORMATS)
def test_format_lists_what_was_accepted(report: Report, name: str) -> None:
    finding, *others = report.findings
    entry = Accepted("spool_live.f()", "sha256:1", "<needed> & known", "Ada", date(2026, 5, 30))
    text = render(replace(report, findings=tuple(others), accepted=((finding, entry),)), name)
    assert "accepted" in text.lower()
    assert "Ada" in text
    assert "needed" in text


@pytest.mark.parametrize("name", FORMATS)
def test_format_of_a_clean_report_has_no_finding(report: Report, name: str) -> None:
    text = render(replace(report, findings=()), name)
    assert "it publishes deletions" not in text
    assert text


def test_table_cuts_long_sql_and_shows_remedies(report: Report) -> None:
    lines = render(report, "table").splitlines()
    assert "    remedy    create function f()" in lines
    assert "              ... 3 more lines: --format json has them" in lines
    assert any(line.startswith("    remedy    DELETE events pass no policy") for line in lines)
    assert lines[-1] == report.summary
    assert max(map(len, lines[:-1])) <= 100


def test_json_is_the_report(report: Report) -> None:
    assert Report.from_dict(json.loads(render(report, "json"))) == report


def test_junit_has_a_case_for_each_rule_and_a_failure_for_each_broken_one(report: Report) -> None:
    suite = ET.fromstring(render(report, "junit"))
    assert suite.tag == "testsuite"
    assert len(suite.findall("testcase")) == int(suite.attrib["tests"]) == len(RULES)
    failures = suite.findall("testcase/failure")
    assert [failure.attrib["type"] for failure in failures] == ["error"]
    assert suite.attrib["failures"] == "1"
    (out,) = suite.findall("testcase/system-out")
    assert "it publishes deletions" in (out.text or "")
    assert "create function f()" in (failures[0].text or "")
    assert "spool_live.g()" in (failures[0].text or "")


def test_sarif_results_point_to_their_rules(report: Report) -> None:
    log = json.loads(render(report, "sarif"))
    (run,) = log["runs"]
    assert log["version"] == "2.1.0"
    declared = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in declared] == list(RULES)
    assert [result["level"] for result in run["results"]] == ["error", "error", "warning"]
    for result in run["results"]:
        assert declared[result["ruleIndex"]]["id"] == result["ruleId"]
        (location,) = result["locations"]
        assert location["physicalLocation"]["region"]["startLine"] == 1
    prints = {str(result["partialFingerprints"]) for result in run["results"]}
    assert len(prints) == len(run["results"])


def test_markdown_escapes_cells_and_lists_the_sql(report: Report) -> None:
    text = render(report, "md")
    assert text.startswith("# Isolation of postgres: broken\n")
    assert "a \\| b" in text
    assert LONG_SQL in text
    assert "proved" in render(replace(report, findings=()), "md")
