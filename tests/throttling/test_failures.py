"""Failed authentications are kept by the hour, alerted once, and purged."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.db.models import QuerySet
from django.utils import timezone

from spool_live import deferred
from spool_live.models import FailedAuthentication
from spool_live.signals import authentication_failures
from spool_live.throttling.failures import (
    OTHER_ADDRESSES,
    failure_log,
    purge_failures,
    write_failures,
)

pytestmark = pytest.mark.django_db
SUBJECT = ("192.0.2.1", "spool_abc", "wrong_secret")


def test_counts_of_an_hour_add_up() -> None:
    write_failures({SUBJECT: 3})
    write_failures({SUBJECT: 4, ("192.0.2.2", "", "unknown"): 1})
    rows = FailedAuthentication.objects.order_by("address").values_list("address", "count")
    assert list(rows) == [("192.0.2.1", 7), ("192.0.2.2", 1)]


def test_processes_that_write_the_same_counts_lock_them_in_one_order() -> None:
    """However they came to know of them: two that meet wait for each other, and never in turn."""
    addresses = [f"192.0.2.{n}" for n in range(1, 10)]
    counted: list[str] = []

    def watch(execute: Any, sql: str, parameters: Any, *rest: Any) -> Any:
        if sql.startswith("UPDATE") and FailedAuthentication._meta.db_table in sql:
            counted.append(FailedAuthentication.objects.get(pk=parameters[-1]).address)
        return execute(sql, parameters, *rest)

    with connection.execute_wrapper(watch):
        write_failures({(address, "", "unknown"): 1 for address in reversed(addresses)})
    assert counted == addresses


def test_threshold_is_alerted_once_an_hour(live: Any, caplog: pytest.LogCaptureFixture) -> None:
    live(FAILURE_ALERT=5)
    received: list[dict[str, Any]] = []

    def receive(sender: Any, signal: Any, **details: Any) -> None:
        received.append(details)

    authentication_failures.connect(receive)
    try:
        for _ in range(4):
            write_failures({SUBJECT: 3})
    finally:
        authentication_failures.disconnect(receive)
    address, prefix, reason = SUBJECT
    assert received == [{"address": address, "prefix": prefix, "reason": reason, "count": 6}]
    assert [r.levelname for r in caplog.records] == ["ERROR"]


def test_flood_from_many_addresses_is_one_row_beyond_the_capacity() -> None:
    for n in range(1500):
        failure_log.add((f"192.0.{n // 250}.{n % 250}", "", "unknown"), 1)
    failure_log.write_now()
    assert FailedAuthentication.objects.count() == 1001
    assert FailedAuthentication.objects.get(address=OTHER_ADDRESSES).count == 500


def test_database_away_for_long_costs_the_count_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(batch: Any) -> None:
        raise ConnectionError

    monkeypatch.setattr(failure_log, "_write", fail)
    failure_log.add(SUBJECT, 1)
    for _ in range(deferred.TRIES):
        failure_log.write_now()
    (record,) = (record for record in caplog.records if record.levelno == logging.ERROR)
    assert record.message == "1 background writes were lost: ConnectionError"


def test_counts_are_written_all_or_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is written again after an error must not count twice."""
    update = QuerySet.update
    calls: list[Any] = []

    def fail_at_the_second(self: Any, **values: Any) -> int:
        calls.append(values)
        if len(calls) == 2:
            raise OperationalError("database is locked")
        return update(self, **values)

    monkeypatch.setattr(QuerySet, "update", fail_at_the_second)
    for n in range(2):
        failure_log.add((f"192.0.2.{n}", "", "unknown"), 1)
    failure_log.write_now()
    assert not FailedAuthentication.objects.exists()
    failure_log.write_now()
    assert list(FailedAuthentication.objects.values_list("count", flat=True)) == [1, 1]


def test_old_rows_are_purged() -> None:
    write_failures({SUBJECT: 1})
    old = timezone.now() - timedelta(days=31)
    FailedAuthentication.objects.update(hour=old)
    write_failures({SUBJECT: 1})
    removed = purge_failures("default", before=timezone.now() - timedelta(days=30))
    assert (removed, FailedAuthentication.objects.count()) == (1, 1)
