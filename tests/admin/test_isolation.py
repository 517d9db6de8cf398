"""The verification in the admin."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from spool_live.admin import isolation
from spool_live.isolation import CannotVerifyError, Finding, Report, Severity
from spool_live.models import IsolationReport, OperatorEvent

pytestmark = pytest.mark.django_db(databases="__all__")
RUN = "admin:spool_live_isolationreport_run"
LIST = "admin:spool_live_isolationreport_changelist"


def test_run_on_the_suite_database_is_kept_and_shown(admin_client: Client) -> None:
    assert "No run was clean yet." in admin_client.get(reverse(LIST)).content.decode()
    answer = admin_client.post(reverse(RUN), follow=True)
    stored = IsolationReport.objects.latest()
    page = answer.content.decode()
    assert stored.is_isolated, stored.report["findings"]
    assert stored.report["attacks"] > 100
    assert "attacks as" in page
    for finding in stored.report["findings"]:
        assert finding["code"] in page


@pytest.fixture
def report() -> Report:
    return Report(
        database="postgres",
        server_version="18",
        one_database=True,
        realtime_mode="broadcast",
        roles=("anon",),
        schemas=("public",),
        attacks=7,
        started_at=datetime(2030, 5, 1, 12, 30, tzinfo=UTC),
        duration=1.0,
        findings=(),
    )


def test_last_clean_run_has_its_date(
    admin_client: Client, report: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(isolation, "verify", lambda: report)
    assert (
        "No findings: sites are separated."
        in admin_client.post(reverse(RUN), follow=True).content.decode()
    )
    leak = Finding("RLS-X", Severity.ERROR, "t", "public.<b>", "it leaks", "close it", "revoke x")
    later = replace(report, started_at=datetime(2030, 6, 1, tzinfo=UTC), findings=(leak,))
    monkeypatch.setattr(isolation, "verify", lambda: later)
    page = admin_client.post(reverse(RUN), follow=True).content.decode()
    for shown in ("RLS-X", "it leaks", "close it", "revoke x", "public.&lt;b&gt;"):
        assert shown in page
    listed = admin_client.get(reverse(LIST)).content.decode()
    verified = OperatorEvent.objects.filter(action="verified")
    runs = verified.values_list("actor_name", "detail__is_isolated")
    assert list(runs) == [("admin", False), ("admin", True)]
    assert "Last clean run: May 1, 2030" in listed
    assert "1 error, 0 warnings" in listed


def test_database_that_cannot_be_verified_is_told(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> Any:
        raise CannotVerifyError("There is no Supabase here.")

    monkeypatch.setattr(isolation, "verify", refuse)
    page = admin_client.post(reverse(RUN), follow=True).content.decode()
    assert "There is no Supabase here." in page
    assert not IsolationReport.objects.exists()


def test_only_who_may_add_reports_runs_it(
    staff: Callable[..., Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    def never() -> Any:
        raise AssertionError("it was run")

    monkeypatch.setattr(isolation, "verify", never)
    client = staff("view_isolationreport")
    assert "Verify now" not in client.get(reverse(LIST)).content.decode()
    assert client.post(reverse(RUN)).status_code == 403
    assert client.get(reverse(RUN)).status_code == 405
