"""The status from real databases: what is read, what it costs, and how long it is kept."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.db.models import Q
from django.utils import timezone

from spool_live import LiveUpdateData, broadcast_update, heartbeats, outbox, status, tasks
from spool_live.broadcasters.memory import MemoryBroadcaster
from spool_live.delivery import cleanup
from spool_live.exceptions import BroadcastRefused, BroadcastUnavailable
from spool_live.models import Heartbeat, OutboxEntry, Site, SiteDelivery
from spool_live.outbox import circuit, coalescing
from spool_live.status import Kind, State, observing, snapshot
from spool_live.status.snapshot import Kept
from spool_live.updates import EventType

pytestmark = pytest.mark.django_db(databases="__all__")
Part = heartbeats.Part


def record(site: Site, number: int = 1, collection: str = "articles") -> None:
    for _ in range(number):
        broadcast_update(site, LiveUpdateData(EventType.UPDATED, collection, uuid.uuid4()))


def kinds() -> list[str]:
    return [problem.kind.value for problem in status.determine().problems]


def test_nothing_has_ever_delivered() -> None:
    assert set(kinds()) == {"delivery"}


@pytest.mark.usefixtures("alive")
def test_all_is_well() -> None:
    found = status.determine()
    assert (found.state, found.problems) == (State.OK, ())
    assert {part.part for part in found.parts} >= {"worker", "sweep"}


@pytest.mark.usefixtures("alive")
def test_waiting_is_measured_from_the_edit_and_a_window_is_no_delay(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    site = Site.objects.create(name="Courier")
    tasks.sweep()
    record(site)
    OutboxEntry.objects.update(timestamp=timezone.now() - timedelta(seconds=40))
    [problem] = status.determine().problems
    assert (problem.kind, problem.site, problem.state) == (Kind.BACKLOG, "Courier", State.DELAYED)
    assert "1 update of Courier has waited 40 s" in problem.reason
    monkeypatch.setattr(coalescing, "windows", lambda: {"articles": timedelta(seconds=30)})
    assert status.determine().state is State.OK
    OutboxEntry.objects.update(timestamp=timezone.now() - timedelta(seconds=75))
    assert kinds() == ["backlog"]


@pytest.mark.usefixtures("alive")
def test_dead_until_requeued() -> None:
    site = Site.objects.create(name="Courier")
    tasks.sweep()
    record(site, 2)
    MemoryBroadcaster.failures += [BroadcastRefused("value too long")] * 3
    tasks.sweep()
    [problem] = status.determine().problems
    assert (problem.kind, problem.state, problem.site_id) == (Kind.DEAD, State.FAILING, site.pk)
    assert "value too long" in problem.reason
    outbox.requeue_dead("default", Q())
    tasks.sweep()
    assert kinds() == []


@pytest.mark.usefixtures("alive")
def test_outage_and_recovery() -> None:
    record(Site.objects.create(name="Courier"))
    MemoryBroadcaster.failures += [BroadcastUnavailable("no route")] * 4
    tasks.sweep()
    [problem] = status.determine().problems
    assert (problem.kind, problem.state) == (Kind.SUPABASE, State.FAILING)
    assert "no route" in problem.reason
    assert timezone.now() - problem.since < timedelta(seconds=10)
    MemoryBroadcaster.failures.clear()
    circuit.close("default")
    tasks.sweep()
    assert kinds() == []


@pytest.mark.usefixtures("alive")
def test_mirror_that_is_refused_and_then_taken() -> None:
    Site.objects.create(name="Courier")
    MemoryBroadcaster.failures.append(BroadcastRefused("no such function"))
    tasks.sweep()
    [problem] = status.determine().problems
    assert (problem.kind, problem.site) == (Kind.MIRROR, "Courier")
    assert "no such function" in problem.reason
    tasks.sweep()
    assert kinds() == ["mirror"], "not asked again at once"
    SiteDelivery.objects.update(mirror_retry_at=timezone.now())
    tasks.sweep()
    assert kinds() == []


@pytest.mark.usefixtures("alive")
def test_cleanup_that_fails_and_then_works() -> None:
    MemoryBroadcaster.failures.append(BroadcastUnavailable("no route"))
    with pytest.raises(BroadcastUnavailable):
        cleanup.clean_up()
    assert set(kinds()) == {"cleanup"}
    cleanup.clean_up()
    assert kinds() == []


@pytest.mark.usefixtures("alive")
def test_delivery_that_raises_is_recorded_by_its_name() -> None:
    with pytest.raises(RuntimeError), heartbeats.watched("default", Part.DELIVERY):
        raise RuntimeError("password=hunter2")
    [problem] = status.determine().problems
    assert (problem.kind, problem.state) == (Kind.DELIVERY, State.FAILING)
    assert "RuntimeError" in problem.reason
    assert "hunter2" not in problem.reason
    tasks.deliver_updates("default")
    assert kinds() == []


@pytest.mark.usefixtures("alive")
def test_database_that_does_not_answer_is_a_problem_and_no_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(using: str, now: Any) -> None:
        raise OperationalError("the database is away\nand more")

    monkeypatch.setattr(snapshot, "observe", broken)
    first = status.determine(timezone.now() - timedelta(seconds=60))
    found = status.determine()
    assert {p.kind for p in found.problems} == {Kind.DATABASE}
    assert found.state is State.STOPPED
    assert found.since == first.at, "it reports since when"
    assert "(the database is away)" in found.problems[0].reason
    monkeypatch.undo()
    assert status.determine().state is State.OK


@pytest.mark.usefixtures("alive")
def test_database_that_is_slow_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "SLOW", 0.0)
    assert set(kinds()) == {"database"}
    assert status.determine().state is State.DELAYED


@pytest.mark.usefixtures("alive")
def test_look_costs_the_same_whatever_waits(
    monkeypatch: pytest.MonkeyPatch, django_assert_max_num_queries: Any
) -> None:
    monkeypatch.setattr(observing, "SAMPLE", 20)
    for number in range(10):
        record(Site.objects.create(name=f"Paper {number}"), 10)
    OutboxEntry.objects.update(timestamp=timezone.now() - timedelta(seconds=45))
    with django_assert_max_num_queries(7):
        seen = observing.observe("default", timezone.now())
    assert sum(waiting.count for waiting in seen.waiting.values()) == 20
    assert not seen.is_all_of_it


def test_status_is_kept_in_proportion_to_what_it_costs() -> None:
    now, looks = [0.0], []

    def work() -> status.Status:
        looks.append(now[0])
        now[0] += 0.01
        return status.Status(timezone.now())

    kept = Kept(work, clock=lambda: now[0])
    for _ in range(1000):
        now[0] += 0.06  # a thousand a minute
        kept.get()
    spent = 0.01 * len(looks)
    assert spent / now[0] < 0.01
    assert len(looks) > 20, "and it is seconds old at most"
    kept.forget()
    before = len(looks)
    kept.get()
    assert len(looks) == before + 1


class TestHeartbeat:
    def test_is_written_at_most_every_two_seconds(self) -> None:
        now = [100.0]
        for moment in (100.0, 101.9, 102.1):
            now[0] = moment
            Heartbeat.objects.all().update(at=timezone.now() - timedelta(minutes=1))
            heartbeats.beat("default", Part.SWEEP, clock=lambda: now[0])
            age = timezone.now() - (Heartbeat.objects.get(pk="sweep").at)
            assert (age < timedelta(seconds=5)) == (moment != 101.9)

    def test_failing_since_is_the_first_failure(self) -> None:
        heartbeats.failed("default", Part.CLEANUP, "one")
        first = Heartbeat.objects.get(pk="cleanup").failing_since
        heartbeats.failed("default", Part.CLEANUP, "two")
        row = Heartbeat.objects.get(pk="cleanup")
        assert (row.failing_since, row.failures, row.error) == (first, 2, "two")
        heartbeats.succeeded("default", Part.CLEANUP)
        row = Heartbeat.objects.get(pk="cleanup")
        assert (row.failing_since, row.failures, row.error) == (None, 0, "")

    def test_of_the_future_is_from_a_clock_that_was_set_back(self) -> None:
        heartbeats.beat("default", Part.SWEEP)
        Heartbeat.objects.update(at=timezone.now() + timedelta(hours=1))
        heartbeats.forget()
        heartbeats.beat("default", Part.SWEEP)
        assert Heartbeat.objects.get(pk="sweep").at <= timezone.now()

    def test_never_stops_who_delivers(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def broken(*args: Any, **kwargs: Any) -> None:
            raise OperationalError("away")

        monkeypatch.setattr(Heartbeat.objects, "using", lambda using: Heartbeat.objects.none())
        monkeypatch.setattr("django.db.models.query.QuerySet.update", broken)
        heartbeats.beat("default", Part.SWEEP)


@pytest.mark.usefixtures("alive")
@pytest.mark.parametrize("nudge", [True, False])
def test_what_is_muted_is_shown_and_is_no_problem(live: Any, nudge: bool) -> None:
    live(NUDGE=nudge)
    found = status.determine()
    assert found.state is State.OK
    assert any(notice.startswith("Muted: nudges") for notice in found.notices) is not nudge
