"""What the clock publishes and withdraws is recorded once, when it comes or late."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection, connections, transaction
from django.db.models import Q
from django.utils import timezone

from spool_live import LiveManager, tasks
from spool_live.capture import scheduling
from spool_live.collections import registry
from spool_live.models import OutboxEntry, ScheduledMoment, Site
from tests.capture.conftest import Recording, RegisterModel, rolled_back
from tests.testapp.models import Story

pytestmark = pytest.mark.django_db(databases="__all__")

NOON = datetime(2031, 5, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
Clock = Callable[[datetime], None]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Sets what time it is; noon at first."""
    moment = [NOON]
    monkeypatch.setattr(timezone, "now", lambda: moment[0])

    def put(to: datetime) -> None:
        moment[0] = to

    scheduling.forget()
    return put


@pytest.fixture
def stories(register_model: RegisterModel) -> None:
    """Stories whose ``moment`` publishes them, if their status says so too."""
    register_model(
        Story,
        name="stories",
        published_from="moment",
        published_when=Q(status="published"),
        slug_field="slug",
    )


def story(site: Site, moment: datetime | None = None, **given: Any) -> Story:
    return Story.objects.create(**{"site": site, "moment": moment, "status": "published", **given})


def test_published_when_the_moment_comes_and_once(
    stories: None, clock: Clock, site: Site, recorded: Recording
) -> None:
    story(site, NOON + MINUTE)
    assert recorded.events() == [("created", "stories")]
    tasks.sweep()
    assert recorded.events() == []
    clock(NOON + MINUTE)
    tasks.sweep()
    assert recorded.events() == [("published", "stories")]
    tasks.sweep()
    assert recorded.events() == []
    assert not ScheduledMoment.objects.exists()


def test_late_but_once_after_an_outage(
    stories: None, clock: Clock, site: Site, recorded: Recording
) -> None:
    for minutes in range(5):
        story(site, NOON + minutes * MINUTE + MINUTE, slug=f"s{minutes}")
    recorded()
    clock(NOON + 30 * timedelta(days=1))
    tasks.sweep()
    tasks.sweep()
    assert [(r.event, r.slug) for r in recorded()] == [("published", f"s{n}") for n in range(5)]


def test_bounded_per_sweep(
    stories: None,
    clock: Clock,
    site: Site,
    recorded: Recording,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(scheduling, "MAX_DUE", 2)
    for number in range(3):
        story(site, NOON + MINUTE, slug=f"s{number}")
    recorded()
    clock(NOON + HOUR)
    assert [scheduling.record_due("default") for _ in range(3)] == [2, 1, 0]
    assert [r.slug for r in recorded()] == ["s0", "s1", "s2"]


@pytest.mark.parametrize("change", ["draft", "later", "never", "deleted", "now"])
def test_only_what_still_holds(
    change: str, stories: None, clock: Clock, site: Site, recorded: Recording
) -> None:
    item = story(site, NOON + MINUTE)
    if change == "deleted":
        item.delete()
    else:
        item.status = "draft" if change == "draft" else "published"
        item.moment = {"later": NOON + HOUR, "never": None, "now": NOON}.get(change, item.moment)
        item.save()
    expected = {"never": "published", "now": "published", "deleted": "deleted"}
    assert recorded.events()[-1][0] == expected.get(change, "updated")
    clock(NOON + MINUTE)
    tasks.sweep()
    assert recorded.events() == []
    clock(NOON + HOUR)
    tasks.sweep()
    assert recorded.events() == [("published", "stories")] * (change == "later")


def test_moved_moment_is_recorded_once_where_the_sweep_is_late(
    stories: None, clock: Clock, site: Site, recorded: Recording
) -> None:
    item = story(site, NOON + MINUTE)
    item.moment = NOON + HOUR
    item.save()
    recorded()
    clock(NOON + 2 * HOUR)
    tasks.sweep()
    assert recorded.events() == [("published", "stories")]


def test_saved_between_the_moment_and_the_sweep(
    stories: None, clock: Clock, site: Site, recorded: Recording
) -> None:
    item = story(site, NOON + MINUTE)
    clock(NOON + 2 * MINUTE)
    item.title = "Late"
    item.save()
    tasks.sweep()
    assert [event for event, _ in recorded.events()] == ["created", "updated", "published"]


def test_withdrawn_when_the_moment_comes(
    register_model: RegisterModel, clock: Clock, site: Site, recorded: Recording
) -> None:
    register_model(Story, name="stories", published_until="moment")
    story(site, NOON + MINUTE)
    clock(NOON + MINUTE)
    tasks.sweep()
    assert [(r.event, r.metadata) for r in recorded()] == [
        ("published", {}),
        ("updated", {"published": False}),
    ]


def test_moments_that_no_save_has_noted(
    stories: None, clock: Clock, site: Site, recorded: Recording
) -> None:
    """They were stored before the app was installed, or written by SQL."""
    Story.objects.bulk_create([Story(site=site, moment=NOON + 2 * MINUTE, status="published")])
    assert not ScheduledMoment.objects.exists()
    tasks.sweep()
    assert ScheduledMoment.objects.count() == 1
    assert scheduling.look_ahead("default") == 0
    clock(NOON + HOUR)
    tasks.sweep()
    assert recorded.events() == [("published", "stories")]


def test_what_comes_later_is_left_for_later(stories: None, clock: Clock, site: Site) -> None:
    Story.objects.bulk_create([Story(site=site, moment=NOON + HOUR, status="published")])
    assert scheduling.look_ahead("default") == 0


def test_bulk_writes_note_moments(stories: None, clock: Clock, site: Site) -> None:
    live: Any = LiveManager()
    live.model = Story
    live.bulk_create([Story(site=site, moment=NOON + HOUR) for _ in range(2)])
    assert ScheduledMoment.objects.count() == 2
    live.all().update(moment=NOON + 2 * HOUR)
    assert ScheduledMoment.objects.count() == 4


def test_rolled_back_save_leaves_nothing(stories: None, clock: Clock, site: Site) -> None:
    with rolled_back():
        story(site, NOON + MINUTE)
    assert not ScheduledMoment.objects.exists()


def test_collection_that_no_longer_exists(clock: Clock, site: Site, recorded: Recording) -> None:
    ScheduledMoment.objects.create(
        collection="gone", item_id=site.pk, item_key="1", at=NOON - MINUTE
    )
    tasks.sweep()
    assert not ScheduledMoment.objects.exists()
    assert recorded() == []


def test_one_faulty_item_does_not_stop_the_others(
    register_model: RegisterModel, clock: Clock, site: Site, recorded: Recording
) -> None:
    def is_published(self: Any, item: Story) -> bool:
        if item.slug == "bad" and timezone.now() > NOON:
            with connection.cursor() as cursor:
                cursor.execute("select nothing from nowhere")
        return True

    register_model(
        Story,
        name="stories",
        published_from="moment",
        is_published=is_published,
        slug_field="slug",
    )
    for slug in ("good", "bad", "fine"):
        story(site, NOON + MINUTE, slug=slug)
    recorded()
    clock(NOON + HOUR)
    tasks.sweep()
    assert [r.slug for r in recorded()] == ["good", "fine"]


def test_broken_tables_stop_no_delivery(
    stories: None, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    delivered: list[str] = []
    monkeypatch.setattr(tasks, "send_webhooks", delivered.append)
    monkeypatch.setattr(scheduling, "record_due", lambda using: 1 / 0)
    tasks.sweep()
    assert "default" in delivered


@pytest.fixture
def due(stories: None, clock: Clock, site: Site, recorded: Recording) -> Iterator[list[Story]]:
    items = [story(site, NOON + MINUTE, slug=f"s{number}") for number in range(20)]
    recorded()
    clock(NOON + HOUR)
    yield items
    ScheduledMoment.objects.all().delete()
    Story.objects.all().delete()
    site.delete()
    OutboxEntry.objects.all().delete()


@pytest.mark.django_db(transaction=True, databases="__all__")
def test_many_sweeps_at_once(
    due: list[Story], recorded: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduling, "MAX_DUE", 3)

    def sweep() -> None:
        for _ in range(8):
            with suppress(OperationalError):  # MariaDB may end one of them: the next goes on
                scheduling.record_due("default")
        connections.close_all()

    threads = [threading.Thread(target=sweep) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    while scheduling.record_due("default"):
        pass
    assert sorted(r.slug or "" for r in recorded()) == sorted(item.slug for item in due)


@pytest.mark.django_db(transaction=True, databases="__all__")
@pytest.mark.skipif(connection.vendor != "postgresql", reason="needs row locks that can be passed")
def test_item_that_an_editor_holds_waits(due: list[Story], recorded: Recording) -> None:
    ready, done = threading.Event(), threading.Event()

    def edit() -> None:
        with transaction.atomic():
            Story.objects.filter(pk=due[0].pk).update(status="draft")
            ready.set()
            done.wait(60)
        connections.close_all()

    editor = threading.Thread(target=edit)
    editor.start()
    assert ready.wait(60)
    assert scheduling.record_due("default") == len(due) - 1
    done.set()
    editor.join(60)
    assert scheduling.record_due("default") == 0  # it is a draft by now
    assert due[0].slug not in [r.slug for r in recorded()]
    assert not ScheduledMoment.objects.exists()


def test_without_scheduled_collections_no_query_of_the_projects(
    clock: Clock, django_assert_num_queries: Any
) -> None:
    assert not any(collection.moment_fields for collection in registry)
    with django_assert_num_queries(1):
        scheduling._sweep("default")
