from __future__ import annotations

import json
from dataclasses import replace

import pytest

from spool_live.isolation import Report, rules
from tests.isolation.reports import report_of


@pytest.fixture
def report() -> Report:
    return report_of(
        rules.TABLE_RLS.broken("public.live_updates", "it is off", sql="alter table x;"),
        rules.PUBLICATION_DELETES.broken("supabase_realtime", "it publishes deletions"),
    )


def test_report_survives_json(report: Report) -> None:
    assert Report.from_dict(json.loads(json.dumps(report.to_dict()))) == report


def test_report_with_an_error_is_neither_isolated_nor_clean(report: Report) -> None:
    assert not report.isolated
    assert not report.clean
    assert report.summary.startswith("1 error, 1 warning: 1000 attacks as anon, authenticated")


def test_report_with_warnings_only_is_isolated_but_not_clean(report: Report) -> None:
    warned = replace(report, findings=report.findings[1:])
    assert warned.isolated
    assert not warned.clean


def test_report_without_findings_is_clean(report: Report) -> None:
    clean = replace(report, findings=())
    assert clean.isolated
    assert clean.clean
    assert clean.summary.startswith("no findings: ")
