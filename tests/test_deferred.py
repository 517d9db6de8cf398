"""Writes that a request does not wait for."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

import pytest
from django.db import OperationalError

from spool_live import deferred
from spool_live.deferred import DeferredWrites

WAIT = 10.0


@pytest.fixture(autouse=True)
def threads(monkeypatch: pytest.MonkeyPatch, _writes_of_requests: None) -> None:
    """The suite starts no threads for such writes; these tests do."""

    def start(self: DeferredWrites[str, int]) -> threading.Thread:
        thread = threading.Thread(target=self._run, daemon=True)
        thread.start()
        return thread

    monkeypatch.setattr(DeferredWrites, "_start", start)
    monkeypatch.setattr(deferred, "DELAY", 0.02)


def test_what_comes_together_is_written_once() -> None:
    batches: list[Mapping[str, int]] = []
    done = threading.Event()

    def write(batch: Mapping[str, int]) -> None:
        batches.append(batch)
        done.set()

    writes = DeferredWrites(write, lambda a, b: a + b)
    for _ in range(5):
        writes.add("a", 1)
    writes.add("b", 7)
    assert done.wait(WAIT)
    assert batches == [{"a": 5, "b": 7}]


def test_next_value_is_written_by_a_next_thread() -> None:
    batches: list[Mapping[str, int]] = []
    written = threading.Semaphore(0)

    def write(batch: Mapping[str, int]) -> None:
        batches.append(batch)
        written.release()

    writes = DeferredWrites(write, max)
    for value in (1, 2):
        writes.add("a", value)
        assert written.acquire(timeout=WAIT)
    assert batches == [{"a": 1}, {"a": 2}]


def test_add_returns_while_a_write_hangs() -> None:
    hanging, inside = threading.Event(), threading.Event()

    def write(batch: Mapping[str, int]) -> None:
        inside.set()
        hanging.wait(WAIT)

    writes = DeferredWrites(write, max)
    writes.add("a", 1)
    assert inside.wait(WAIT)
    writes.add("a", 2)
    hanging.set()


def test_process_that_ends_writes_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deferred, "DELAY", 600.0)
    batches: list[Mapping[str, int]] = []
    writes = DeferredWrites(batches.append, max)
    writes.add("a", 1)
    writes.finish(WAIT)
    assert batches == [{"a": 1}]


def test_keys_beyond_the_capacity_go_to_the_overflow_or_nowhere() -> None:
    kept: list[Mapping[str, int]] = []
    strict = DeferredWrites(kept.append, max, capacity=1)
    lenient = DeferredWrites(kept.append, lambda a, b: a + b, capacity=1, overflow="rest")
    for writes in (strict, lenient):
        for name in ("a", "b", "c", "a"):
            writes.add(name, 1)
        writes.write_now()
    assert kept == [{"a": 1}, {"a": 2, "rest": 2}]


class Busy:
    """A database that refuses some writes first. ``done`` is set by the first that it takes."""

    def __init__(self, refusals: int) -> None:
        self.refusals = refusals
        self.batches: list[Mapping[str, int]] = []
        self.done = threading.Event()

    def __call__(self, batch: Mapping[str, int]) -> None:
        if self.refusals:
            self.refusals -= 1
            raise OperationalError("database is locked")
        self.batches.append(batch)
        self.done.set()


def test_busy_database_is_asked_again(caplog: pytest.LogCaptureFixture) -> None:
    busy = Busy(2)
    writes = DeferredWrites(busy, lambda a, b: a + b)
    writes.add("a", 1)
    assert busy.done.wait(WAIT)
    assert busy.batches == [{"a": 1}]
    assert not [record for record in caplog.records if record.levelno > logging.INFO]


def test_what_comes_while_a_write_waits_goes_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deferred, "DELAY", 600.0)
    busy = Busy(1)
    writes = DeferredWrites(busy, lambda a, b: a + b)
    writes.add("a", 1)
    writes.write_now()
    writes.add("a", 2)
    writes.add("b", 3)
    writes.write_now()
    assert busy.batches == [{"a": 3, "b": 3}]
    writes.finish(WAIT)


def test_process_that_ends_asks_again_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deferred, "DELAY", 600.0)
    busy = Busy(3)
    writes = DeferredWrites(busy, max)
    writes.add("a", 1)
    writes.finish(WAIT)
    assert busy.batches == [{"a": 1}]


@pytest.mark.parametrize("level", [logging.WARNING, logging.ERROR])
def test_what_is_refused_for_too_long_is_lost_and_said_once(
    level: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(deferred, "DELAY", 600.0)
    busy = Busy(deferred.TRIES)
    writes = DeferredWrites(busy, max, loss=level)
    writes.add("a", 1)
    writes.finish(WAIT)
    assert busy.batches == []
    (record,) = (record for record in caplog.records if record.levelno > logging.INFO)
    assert (record.levelno, "OperationalError" in record.message) == (level, True)
    writes.add("a", 2)
    writes.write_now()
    assert busy.batches == [{"a": 2}]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_child_does_not_write_what_its_parent_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deferred, "DELAY", 600.0)
    batches: list[Mapping[str, int]] = []
    writes = DeferredWrites(batches.append, max)
    writes.add("a", 1)
    child = os.fork()
    if child == 0:
        writes.write_now()
        os._exit(0 if not batches else 1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    writes.finish(WAIT)
    assert batches == [{"a": 1}]


ENDS_AT_ONCE = """
import django
from django.conf import settings

settings.configure(DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3"}})
from spool_live import deferred

deferred.DELAY = 3600
deferred.DeferredWrites(lambda batch: print(dict(batch), flush=True), max).add("key", 7)
"""


def test_real_process_that_ends_at_once_writes_the_rest() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", ENDS_AT_ONCE],
        cwd=Path(__file__).parent.parent,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert ended.stdout == "{'key': 7}\n", ended.stderr
