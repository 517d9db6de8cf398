"""One notice when something breaks, one when it is over, whatever happens in between."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from spool_live import webhooks
from spool_live.alerts import episodes
from spool_live.alerts.channels import Notice
from spool_live.alerts.evaluation import evaluate_if_overdue
from spool_live.alerts.rules import Alert
from spool_live.conf import live_settings
from spool_live.models import AlertEpisode, AlertNotice, Heartbeat, Site, WebhookEndpoint
from spool_live.status import Kind, State
from tests.alerts.conftest import World

pytestmark = pytest.mark.django_db(databases="__all__")


def test_one_notice_for_an_episode_and_one_for_its_end(world: World, notices: list[Notice]) -> None:
    assert world.after(0).firing == ()
    world.breaks(Kind.DELIVERY)
    assert (world.after(1).opened, notices) == (0, []), "it may pass"
    assert world.after(5).opened == 1
    for _ in range(20):
        world.after(5)
    assert [(n.kind, n.rule, n.summary) for n in notices] == [
        ("firing", "delivery", "delivery broke.")
    ]
    world.breaks()
    world.after(5)
    assert len(notices) == 1, "it may come back"
    world.after(16)
    assert [n.kind for n in notices] == ["firing", "recovered"]
    world.after(60)
    assert len(notices) == 2


def test_what_passes_is_forgotten(world: World, notices: list[Notice]) -> None:
    for _ in range(10):
        world.breaks(Kind.DELIVERY)
        world.after(3)
        world.breaks()
        world.after(3)
    assert notices == []
    assert not AlertEpisode.objects.exists()


def test_what_flickers_is_one_episode(world: World, notices: list[Notice]) -> None:
    world.breaks(Kind.BACKLOG)
    world.after(0)
    world.after(6)
    for _ in range(10):
        world.breaks()
        world.after(6)
        world.breaks(Kind.BACKLOG)
        world.after(6)
    assert [n.kind for n in notices] == ["firing"]


def test_aftermath_is_no_episode_of_its_own(world: World, notices: list[Notice]) -> None:
    world.breaks(Kind.BROKER)
    world.after(0)
    world.after(6)
    world.breaks(Kind.SWEEP, Kind.BACKLOG)
    world.after(3)
    world.after(9)
    world.breaks()
    world.after(5)
    world.after(15)
    assert [(n.kind, n.rule) for n in notices] == [("firing", "broker"), ("recovered", "broker")]


def test_what_lasts_beside_an_open_episode_is_notified_of(
    world: World, notices: list[Notice]
) -> None:
    world.breaks(Kind.DELIVERY)
    world.after(0)
    world.after(6)
    world.breaks(Kind.DELIVERY, Kind.DEAD)
    for _ in range(4):
        world.after(6)
    assert [(n.kind, n.rule) for n in notices] == [("firing", "delivery"), ("firing", "dead")]


def test_same_rule_may_break_again(world: World, notices: list[Notice]) -> None:
    for _ in range(2):
        world.breaks(Kind.DELIVERY)
        world.after(0)
        world.after(6)
        world.breaks()
        world.after(1)
        world.after(20)
    assert [n.kind for n in notices] == ["firing", "recovered"] * 2
    assert len({n.id for n in notices}) == 4


def test_summary_of_an_open_episode_is_the_newest(world: World) -> None:
    world.breaks(Kind.BROKER, state=State.DELAYED)
    world.after(0)
    world.after(6)
    world.breaks(Kind.BROKER)
    world.after(6)
    assert AlertEpisode.objects.get().state == "stopped"


def test_episodes_that_ended_long_ago_are_removed(world: World) -> None:
    world.breaks(Kind.DELIVERY)
    world.after(0)
    world.after(6)
    world.breaks()
    world.after(20)
    assert AlertEpisode.objects.get().ended_at
    world.after(91 * 86_400)
    assert not AlertEpisode.objects.exists()
    assert not AlertNotice.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_many_processes_make_each_notice_once() -> None:
    now = timezone.now()
    found = Alert("delivery", "default", "stopped", "It broke.", "Mend it.", now)
    opened, closed = [], []

    def work(moment: Any, gate: threading.Barrier) -> None:
        try:
            gate.wait()
            episodes.note("default", [found], now)
            gate.wait()
            opened.append(episodes.open_lasting("default", moment, live_settings(), ["signal"]))
            gate.wait()
            later = moment + timedelta(seconds=60)
            quiet = timedelta(seconds=15)
            closed.append(episodes.close_quiet("default", [], later, quiet, ["signal"]))
        finally:
            connections.close_all()

    gate = threading.Barrier(8)
    moment = now + timedelta(seconds=10)
    threads = [threading.Thread(target=work, args=(moment, gate)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (sum(opened), sum(closed)) == (1, 1)
    assert [n.kind for n in AlertNotice.objects.order_by("pk")] == ["firing", "recovered"]


@pytest.mark.usefixtures("alive")
def test_process_that_records_an_edit_evaluates_if_no_other_has() -> None:
    minute = timedelta(minutes=1)
    assert evaluate_if_overdue(minute) is not None
    assert evaluate_if_overdue(minute) is None
    Heartbeat.objects.filter(pk="alerts").update(at=timezone.now() - 2 * minute)
    assert evaluate_if_overdue(minute) is not None
    assert evaluate_if_overdue(minute) is None


def test_disabled_webhook_endpoint_is_notified_of_until_it_is_enabled(
    world: World, notices: list[Notice]
) -> None:
    site = Site.objects.create(name="Courier")
    endpoint = WebhookEndpoint.objects.create(site=site, url="https://shop.example/hook")
    webhooks.disable(endpoint, WebhookEndpoint.Disabled.FAILED, using="default")
    world.after(0)
    world.after(6)
    [notice] = notices
    assert (notice.kind, notice.rule, notice.subject) == (
        "firing",
        "webhook_disabled",
        str(endpoint.pk),
    )
    assert "every attempt failed for too long" in notice.summary
    assert "live_webhook enable" in notice.remedy
    webhooks.enable(endpoint, using="default")
    world.after(1)
    world.after(20)
    assert [n.kind for n in notices] == ["firing", "recovered"]
