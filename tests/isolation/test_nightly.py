"""The nightly verification: it runs where it can, once, and says where it cannot."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connections
from django.utils import timezone

import spool_live.isolation
from spool_live import heartbeats, status, tasks
from spool_live.isolation import CannotVerifyError
from spool_live.models import Heartbeat

pytestmark = [
    pytest.mark.django_db(transaction=True, databases="__all__"),
    pytest.mark.usefixtures("alive"),
]
PART = heartbeats.Part.VERIFY_RLS


def result() -> Heartbeat:
    return Heartbeat.objects.get(part=PART)


def shown() -> str:
    out = io.StringIO()
    with suppress(SystemExit):
        call_command("live_status", stdout=out)
    return " ".join(out.getvalue().split())


def test_it_proves_isolation_and_the_status_says_so() -> None:
    tasks.verify_isolation()
    assert result().succeeded_at is not None
    assert "isolated" in result().detail["summary"] or "attacks" in result().detail["summary"]
    assert result().detail["summary"] in shown()


def test_where_it_cannot_be_run_that_is_shown_and_is_no_alarm(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse() -> None:
        raise CannotVerifyError("the role may not become anon")

    monkeypatch.setattr(spool_live.isolation, "verify", refuse)
    tasks.verify_isolation()
    assert status.determine().problems == ()
    assert "verify_rls is not run here: the role may not become anon" in shown()


def test_a_finding_stays_one_where_it_cannot_be_run_any_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    heartbeats.failed("default", PART, "1 error", {"summary": "1 error"})
    Heartbeat.objects.filter(part=PART).update(at=timezone.now() - timedelta(days=1))

    def refuse() -> None:
        raise CannotVerifyError("no such role")

    monkeypatch.setattr(spool_live.isolation, "verify", refuse)
    tasks.verify_isolation()
    assert {problem.kind for problem in status.determine().problems} == {"isolation"}


def test_claim_that_looked_at_its_clock_first_and_asked_second_gets_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = timezone.now()
    turns = iter([now, now - timedelta(milliseconds=5), now - timedelta(days=3)])
    monkeypatch.setattr("spool_live.heartbeats.timezone.now", lambda: next(turns))
    day = timedelta(days=1)
    assert heartbeats.claim("default", PART, day)
    assert not heartbeats.claim("default", PART, day)
    assert heartbeats.claim("default", PART, day), "a clock that was set back by days"


def test_one_process_of_many_runs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[int] = []
    real: Callable[..., Any] = spool_live.isolation.verify

    def verify() -> Any:
        runs.append(1)
        return real()

    monkeypatch.setattr(spool_live.isolation, "verify", verify)
    gate = threading.Barrier(4)

    def work() -> None:
        gate.wait()
        tasks.verify_isolation()
        connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(runs) == 1
