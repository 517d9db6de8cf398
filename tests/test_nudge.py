"""The nudge: from its own thread, throttled, and never the editor's problem."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from celery import Celery, Task
from django.db import connections
from kombu.exceptions import OperationalError

from spool_live import nudge
from spool_live.local.processes import free_port, wait_until
from spool_live.models import OutboxEntry, Site
from spool_live.nudge import Nudger, next_wait
from spool_live.signals import outbox_committed
from tests.waiting import PATIENCE
from tests.worker.processes import Project

Live = Callable[..., None]
WAIT = 20.0


class Broker:
    """Takes nudges, blocks or breaks."""

    def __init__(self) -> None:
        self.got: list[str] = []
        self.times: list[float] = []
        self.threads: set[str] = set()
        self.error: Exception | None = None
        self.go_on = threading.Event()
        self.go_on.set()
        self.entered = threading.Event()

    def __call__(self, using: str) -> None:
        self.entered.set()
        assert self.go_on.wait(WAIT)
        self.times.append(time.monotonic())
        self.threads.add(threading.current_thread().name)
        self.got.append(using)
        if self.error is not None:
            raise self.error


@pytest.fixture
def broker() -> Iterator[Broker]:
    broker = Broker()
    yield broker
    broker.go_on.set()


@pytest.fixture
def nudger(broker: Broker) -> Nudger:
    return Nudger(broker)


@pytest.mark.parametrize(
    ("last", "asked", "wait"),
    [
        (0.0, 0, 0.01),
        (0.01, 0, 0.01),
        (0.01, 1, 0.02),
        (0.02, 1, 0.01),
        (0.02, 30, 0.04),
        (0.04, 30, 0.05),
        (0.05, 30, 0.05),
        (0.05, 2, 0.01),
    ],
)
def test_nudges_get_rarer_while_edits_come_at_every_interval(
    last: float, asked: int, wait: float, live: Live
) -> None:
    live(NUDGE_INTERVAL=0.01)
    assert next_wait(last, asked) == pytest.approx(wait)


class TestNudger:
    def test_sends_from_a_thread_of_its_own(self, nudger: Nudger, broker: Broker) -> None:
        nudger.nudge("default")
        assert nudger.flush(WAIT)
        assert (broker.got, broker.threads) == (["default"], {"spool-nudge"})

    def test_returns_while_the_broker_hangs(self, nudger: Nudger, broker: Broker) -> None:
        broker.go_on.clear()
        nudger.nudge("default")
        assert broker.entered.wait(WAIT)
        for _ in range(1000):
            nudger.nudge("default")
        assert nudger.flush(0.01) is False
        broker.go_on.set()
        assert nudger.flush(WAIT)
        assert broker.got == ["default"] * 2, "a thousand nudges meanwhile are one"

    def test_each_alias_has_its_own(self, nudger: Nudger, broker: Broker) -> None:
        broker.go_on.clear()
        for using in ("default", "other", "default", "other"):
            nudger.nudge(using)
        broker.go_on.set()
        assert nudger.flush(WAIT)
        assert set(broker.got) == {"default", "other"}

    def test_at_most_one_per_interval(self, nudger: Nudger, broker: Broker, live: Live) -> None:
        live(NUDGE_INTERVAL=timedelta(milliseconds=30))
        while len(broker.times) < 4:
            nudger.nudge("default")
            time.sleep(0)
        gaps = [after - before for before, after in pairwise(broker.times)]
        assert min(gaps) >= 0.03

    def test_broker_that_breaks_is_one_log_line(
        self,
        nudger: Nudger,
        broker: Broker,
        caplog: pytest.LogCaptureFixture,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        broker.error = ConnectionError("refused")
        for _ in range(3):
            nudger.nudge("default")
            assert nudger.flush(WAIT)
        assert len(broker.got) == 3, "it is tried again each time"
        assert caplog.text.count("broker cannot be reached (ConnectionError)") == 1
        later = time.monotonic() + nudge.QUIET_AFTER_FAILURE
        monkeypatch.setattr("spool_live.nudge.time.monotonic", lambda: later)
        nudger.nudge("default")
        wait_until(lambda: caplog.text.count("broker cannot be reached") == 2)

    def test_broker_that_hangs_is_one_log_line(
        self,
        nudger: Nudger,
        broker: Broker,
        caplog: pytest.LogCaptureFixture,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        broker.go_on.clear()
        nudger.nudge("default")
        assert broker.entered.wait(WAIT)
        nudger.nudge("default")
        assert caplog.text == ""
        later = time.monotonic() + nudge.HANGS_AFTER
        monkeypatch.setattr("spool_live.nudge.time.monotonic", lambda: later)
        for _ in range(3):
            nudger.nudge("default")
        assert caplog.text.count("The broker does not answer") == 1

    def test_flush_with_nothing_to_send(self, nudger: Nudger) -> None:
        assert nudger.flush(0) is True


class TestReceiver:
    @pytest.fixture
    def asked(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        asked: list[str] = []
        monkeypatch.setattr(nudge.nudger, "nudge", asked.append)
        return asked

    @pytest.mark.parametrize(("wanted", "expected"), [(True, ["default"]), (False, [])])
    def test_nudges_after_a_commit_where_the_settings_say_so(
        self, wanted: bool, expected: list[str], asked: list[str], live: Live
    ) -> None:
        live(NUDGE=wanted)
        outbox_committed.send(sender=None, using="default")
        assert asked == expected

    def test_connecting_twice_is_connecting_once(self, asked: list[str], live: Live) -> None:
        live(NUDGE=True)
        nudge.connect()
        nudge.connect()
        outbox_committed.send(sender=None, using="default")
        assert asked == ["default"]


FORK = """
import os, sys, threading
from spool_live.nudge import nudger

sent, go_on = [], threading.Event()

def send(using):
    if using == "parent":
        go_on.wait()
    sent.append(using)

nudger._send = send
nudger.nudge("parent")
while nudger._waiting:  # until its thread is in the middle of it
    pass
nudger.nudge("after it")
if os.fork() == 0:
    nudger.nudge("child")
    assert nudger.flush(30)
    print(sent, flush=True)
    os._exit(0)
assert os.wait()[1] == 0
go_on.set()
assert nudger.flush(30)
print(sent)
"""

SETTINGS = """
import django
from django.conf import settings

settings.configure(
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "spool_live"],
    USE_TZ=True,
)
"""


def run(script: str, *, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Runs a script in a process of its own."""
    root = Path(__file__).parent.parent
    return subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", script],
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=check,
        timeout=60,
    )


def test_child_of_a_fork_sends_its_own_nudges_and_not_its_parents() -> None:
    """A thread does not survive a fork, and a lock that it held would stay locked for ever."""
    told = run(SETTINGS + FORK).stdout.splitlines()
    assert told == ["['child']", "['parent', 'after it']"]


@pytest.mark.django_db(transaction=True)
class TestRealBroker:
    """What an editor's process notices of the broker. With one it is in ``test_tasks``."""

    @pytest.fixture
    def site_id(self, transactional_db: None) -> object:
        return Site.objects.create(name="Courier").pk

    @pytest.mark.parametrize("listens", [True, False], ids=["never answers", "is not there"])
    def test_that(self, listens: bool, tmp_path: Path, site_id: object) -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            port = silent.getsockname()[1]
            if not listens:
                silent.close()
            began = time.monotonic()
            editor = Project(tmp_path, port).edit(site_id, "x", flush=0.1)
            assert time.monotonic() - began < PATIENCE
        assert float(editor.stdout) < 1.0, "seconds that the save took"
        assert OutboxEntry.objects.get(slug="x").state == "pending"

    def test_client_that_would_try_for_ever_gives_up_when_the_broker_goes(
        self, tmp_path: Path
    ) -> None:
        """A project may publish its own tasks again for as long as it takes; the thread of the
        nudges would not get any further, and the process could not flush it at its end."""
        project = Project(tmp_path, free_port())
        app = Celery(broker=project.broker_url, set_as_current=False)
        app.conf.task_publish_retry_policy = {"max_retries": None, "interval_max": 0.1}
        sent, gone = threading.Event(), threading.Event()

        def send() -> str:
            app.set_current()  # on this thread
            nudge._send_task("default")
            sent.set()
            assert gone.wait(PATIENCE)
            try:
                nudge._send_task("default")
            except OperationalError as error:
                return str(error)
            return "sent"

        with project.broker() as broker:
            outcome: Future[str] = Future()
            threading.Thread(target=lambda: outcome.set_result(send()), daemon=True).start()
            assert sent.wait(PATIENCE)
            broker.end()
            gone.set()
            assert "Connection" in outcome.result(PATIENCE)
        app.close()


@pytest.mark.django_db(transaction=True)
def test_eager_delivery_leaves_no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """Celery's eager mode delivers on the nudge's thread, which may live as long as the process."""
    open_while_sending: list[bool] = []

    def deliver(task: Task[Any, Any], **options: object) -> None:
        connections["default"].ensure_connection()
        open_while_sending.append(connections["default"].connection is not None)

    def send() -> None:
        nudge._send_task("default")
        open_while_sending.append(connections["default"].connection is not None)

    monkeypatch.setattr(Task, "apply_async", deliver)  # of any app: each thread has a current one
    thread = threading.Thread(target=send)
    thread.start()
    thread.join(WAIT)
    assert open_while_sending == [True, False]
