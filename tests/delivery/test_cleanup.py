from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from spool_live.broadcasters import CleanupAnswer
from spool_live.broadcasters.memory import MemoryBroadcaster
from spool_live.delivery.cleanup import (
    BIG_STEP,
    PURGE_STEP,
    REST,
    SMALL_STEP,
    SMALL_STEP_PAUSE,
    clean_up,
)
from spool_live.exceptions import BroadcastUnavailable
from spool_live.models import OutboxEntry, Site, SiteDelivery

pytestmark = pytest.mark.django_db(databases="__all__")

Live = Callable[..., None]
HOUR = timedelta(hours=1)


class Table(MemoryBroadcaster):
    """A live table of so many expired rows; remembers the calls."""

    def __init__(self, rows: int, *, publishes_deletes: bool = False, busy_after: int = 9) -> None:
        self.rows = rows
        self.publishes_deletes = publishes_deletes
        self.busy_after = busy_after
        self.asked: list[int] = []
        self.before: datetime | None = None

    def cleanup(self, before: datetime, max_rows: int) -> CleanupAnswer:
        self.asked.append(max_rows)
        self.before = before
        if len(self.asked) > self.busy_after:
            return CleanupAnswer(0, busy=True, publishes_deletes=self.publishes_deletes)
        deleted = min(self.rows, max_rows)
        self.rows -= deleted
        return CleanupAnswer(deleted, busy=False, publishes_deletes=self.publishes_deletes)


class Pauses(list[float]):
    """The pauses in seconds, without pausing."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


class TestLiveTable:
    def test_goes_in_big_steps_where_deletions_are_not_published(self) -> None:
        rows = SMALL_STEP + 2 * BIG_STEP + 1
        table = Table(rows)
        report = clean_up(table, pause=Pauses())
        assert table.asked == [SMALL_STEP, BIG_STEP, BIG_STEP, BIG_STEP]
        assert (report.live_updates, report.busy) == (rows, False)

    def test_rests_between_big_steps_in_proportion_to_what_they_took(self) -> None:
        readings = iter([0.0, 0.1, 10.0, 10.4, 20.0, 20.3, 30.0])
        pauses = Pauses()
        rows = SMALL_STEP + 2 * BIG_STEP + 1
        clean_up(Table(rows), pause=pauses, clock=lambda: next(readings))
        assert pauses == pytest.approx([0.1 * REST, 0.4 * REST, 0.3 * REST])

    def test_goes_in_small_steps_with_pauses_where_they_are(self) -> None:
        table, pauses = Table(2_500, publishes_deletes=True), Pauses()
        report = clean_up(table, pause=pauses)
        assert table.asked == [SMALL_STEP] * 3
        assert pauses == [SMALL_STEP_PAUSE] * 2
        assert report.live_updates == 2_500

    def test_nothing_to_do_is_one_question(self) -> None:
        table = Table(0)
        assert clean_up(table).live_updates == 0
        assert table.asked == [SMALL_STEP]

    def test_leaves_off_where_another_is_at_it(self) -> None:
        table = Table(50_000, busy_after=2)
        report = clean_up(table, pause=Pauses())
        assert (report.live_updates, report.busy) == (SMALL_STEP + BIG_STEP, True)
        assert len(table.asked) == 3

    def test_goes_on_where_an_interrupted_one_left_off(self) -> None:
        rows = SMALL_STEP + 2 * BIG_STEP + 1
        table = Table(rows)

        def interrupt(seconds: float) -> None:
            if len(table.asked) == 2:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            clean_up(table, pause=interrupt)
        assert table.rows == BIG_STEP + 1
        assert clean_up(table, pause=Pauses()).live_updates == BIG_STEP + 1
        assert table.rows == 0

    def test_goes_by_the_retention(self, live: Live) -> None:
        live(RETENTION=3600)
        table, now = Table(0), timezone.now()
        clean_up(table)
        assert table.before is not None
        assert timedelta(0) <= table.before - (now - HOUR) < timedelta(minutes=1)

    def test_supabase_away_raises_after_the_outbox_was_purged(self, history: Site) -> None:
        MemoryBroadcaster.failures.append(BroadcastUnavailable("no route"))
        with pytest.raises(BroadcastUnavailable):
            clean_up()
        assert OutboxEntry.objects.filter(site_id=history.pk).count() == 1


@pytest.fixture
def history() -> Site:
    """A site with two old entries and a new one."""
    site = Site.objects.create(name="Courier")
    SiteDelivery.objects.filter(pk=site.pk).update(last_seq=3)
    now = timezone.now()
    for seq, age in enumerate((9 * 24 * HOUR, 8 * 24 * HOUR, HOUR), start=1):
        add_entry(site, seq=seq, settled_at=now - age)
    return site


def add_entry(site: Site, using: str = "default", **fields: object) -> None:
    given = {
        "site_id": site.pk,
        "event_type": "content.updated",
        "collection": "articles",
        "item_id": site.pk,
        "timestamp": timezone.now(),
        "state": "delivered",
        **fields,
    }
    OutboxEntry.objects.using(using).create(**given)


class TestOutbox:
    def test_goes_by_the_retention_of_the_history(self, history: Site, live: Live) -> None:
        report = clean_up()
        assert report.outbox_entries == 2
        assert OutboxEntry.objects.get().seq == 3
        live(HISTORY_RETENTION=60)
        assert clean_up().outbox_entries == 1

    def test_of_every_content_database(self) -> None:
        site = Site.objects.using("other").create(name="Elsewhere")
        add_entry(site, "other", seq=1, settled_at=timezone.now() - 99 * 24 * HOUR)
        assert clean_up().outbox_entries == 1
        assert not OutboxEntry.objects.using("other").exists()

    def test_in_steps(self, history: Site, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("spool_live.delivery.cleanup.PURGE_STEP", 1)
        reports = []
        clean_up(progress=lambda report: reports.append(replace(report)))
        assert [report.outbox_entries for report in reports] == [1, 2, 2]
        assert PURGE_STEP >= 1_000
