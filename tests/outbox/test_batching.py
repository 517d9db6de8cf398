from __future__ import annotations

import uuid
from contextlib import AbstractContextManager
from typing import Any

import pytest
from django.db import connections, transaction
from django.test.utils import CaptureQueriesContext

from spool_live import LiveUpdateData, batch, broadcast_update
from spool_live.models import OutboxEntry, Site
from spool_live.outbox import record
from spool_live.updates import EventType
from tests.capture.conftest import item_id
from tests.testapp.models import Note

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "other"])


@pytest.fixture
def site() -> Site:
    return Site.objects.create(name="Courier")


@pytest.fixture
def other_site() -> Site:
    return Site.objects.using("other").create(name="Parallax")


def note(site: Site, text: str, using: str = "default") -> Note:
    return Note.objects.using(using).create(site=site, text=text)


def lose(site: Site, block: AbstractContextManager[Any]) -> None:
    """Saves a note inside ``block``, which fails."""
    with block:
        note(site, "lost")
        raise RuntimeError


def entries(using: str = "default") -> list[str]:
    return list(
        OutboxEntry.objects.using(using).order_by("pk").values_list("event_type", flat=True)
    )


def outbox_writes(queries: CaptureQueriesContext) -> int:
    return sum("INSERT INTO live_updates_outbox" in q["sql"] for q in queries.captured_queries)


def test_many_saves_write_the_outbox_once_at_the_end(
    site: Site, notified_aliases: list[str]
) -> None:
    with CaptureQueriesContext(connections["default"]) as queries, batch():
        notes = [note(site, f"note {n}") for n in range(30)]
        notes[0].save()
        assert entries() == []
    assert entries() == [EventType.CREATED] * 30 + [EventType.UPDATED]
    assert outbox_writes(queries) == 1
    assert notified_aliases == ["default"]


def test_rows_are_what_single_records_write(site: Site) -> None:
    item = uuid.uuid4()
    data = LiveUpdateData(
        event_type=EventType.PUBLISHED,
        collection="séances",
        item_id=item,
        slug="l'été",
        metadata={"title": 'quoted "é" \\ 😀', "n": 1, "nothing": None},
    )
    broadcast_update(site, data)
    with batch():
        broadcast_update(site, data)
        broadcast_update(site, data)
    columns = ("site_id", "event_type", "collection", "item_id", "slug", "metadata", "state", "seq")
    single, *batched = OutboxEntry.objects.order_by("pk").values_list(*columns)
    assert batched == [single, single]
    times = OutboxEntry.objects.order_by("pk").values_list("timestamp", flat=True)
    assert sorted(times) == list(times)
    assert all(time.utcoffset() is not None for time in times)


def test_metadata_is_taken_when_it_is_recorded(site: Site) -> None:
    metadata = {"title": "then"}
    with batch():
        broadcast_update(
            site,
            LiveUpdateData(
                event_type=EventType.UPDATED,
                collection="c",
                item_id=uuid.uuid4(),
                metadata=metadata,
            ),
        )
        metadata["title"] = "now"
    assert OutboxEntry.objects.get().metadata == {"title": "then"}


def test_error_leaves_neither_edits_nor_updates(site: Site) -> None:
    with pytest.raises(RuntimeError):
        lose(site, batch())
    assert (Note.objects.count(), entries()) == (0, [])


def test_next_transaction_is_not_a_batch(site: Site) -> None:
    with pytest.raises(RuntimeError), batch():
        raise RuntimeError
    note(site, "kept")
    assert entries() == [EventType.CREATED]


def test_savepoint_that_is_rolled_back_takes_its_updates_along(site: Site) -> None:
    with batch():
        note(site, "before")
        with pytest.raises(RuntimeError):
            lose(site, transaction.atomic())
        with transaction.atomic():
            note(site, "kept")
        note(site, "after")
    assert list(Note.objects.order_by("pk").values_list("text", flat=True)) == [
        "before",
        "kept",
        "after",
    ]
    assert len(entries()) == 3


def test_nested_blocks_write_once(site: Site) -> None:
    with CaptureQueriesContext(connections["default"]) as queries, batch():
        note(site, "outer")
        with batch():
            note(site, "inner")
        with pytest.raises(RuntimeError):
            lose(site, batch())
        note(site, "outer again")
    assert len(entries()) == 3
    assert outbox_writes(queries) == 1


def test_block_inside_a_transaction_that_is_rolled_back_leaves_nothing(
    site: Site, notified_aliases: list[str]
) -> None:
    with transaction.atomic():
        with batch():
            note(site, "lost")
        assert len(entries()) == 1
        transaction.set_rollback(True)
    assert entries() == []
    assert notified_aliases == []


def test_block_inside_a_block_error_that_is_caught_between_them(site: Site) -> None:
    with transaction.atomic():
        note(site, "before")
        with pytest.raises(RuntimeError):
            lose(site, batch())
        with batch():
            note(site, "after")
    assert len(entries()) == 2


def test_other_alias_writes_at_once(site: Site, other_site: Site) -> None:
    with batch():
        note(site, "waits")
        note(other_site, "does not", "other")
        assert (len(entries()), len(entries("other"))) == (0, 1)
    assert len(entries()) == 1


def test_each_alias_has_its_block(site: Site, other_site: Site) -> None:
    with batch(), batch(using="other"):
        note(site, "here")
        note(other_site, "there", "other")
        assert (entries(), entries("other")) == ([], [])
    assert (len(entries()), len(entries("other"))) == (1, 1)


def test_empty_block_writes_nothing(site: Site, notified_aliases: list[str]) -> None:
    with CaptureQueriesContext(connections["default"]) as queries, batch():
        pass
    assert outbox_writes(queries) == 0
    assert notified_aliases == []


def test_single_saves_of_one_transaction_are_announced_once(
    site: Site, notified_aliases: list[str]
) -> None:
    with transaction.atomic():
        for n in range(5):
            note(site, f"note {n}")
        with pytest.raises(RuntimeError):
            lose(site, transaction.atomic())
    assert notified_aliases == ["default"]


def test_announcement_of_a_lost_savepoint_does_not_stand_for_the_rest(
    site: Site, notified_aliases: list[str]
) -> None:
    with transaction.atomic():
        with pytest.raises(RuntimeError):
            lose(site, transaction.atomic())
        note(site, "kept")
    assert notified_aliases == ["default"]


class TestMoreThanOneStatementTakes:
    """Rows are written before the end of the block, so that they do not fill the memory."""

    @pytest.fixture(autouse=True)
    def three_rows_a_statement(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("spool_live.outbox.rows.ROWS_PER_STATEMENT", 3)

    def test_is_written_in_between_and_in_order(
        self, site: Site, notified_aliases: list[str]
    ) -> None:
        seen = []
        with CaptureQueriesContext(connections["default"]) as queries, batch():
            for number in range(8):
                note(site, str(number))
                seen.append(OutboxEntry.objects.count())
            assert notified_aliases == []
        assert seen == [0, 0, 3, 3, 3, 6, 6, 6]
        assert outbox_writes(queries) == 3
        items = list(OutboxEntry.objects.order_by("pk").values_list("item_id", flat=True))
        assert len(items) == 8
        assert items == [item_id(n) for n in Note.objects.order_by("pk")]
        assert notified_aliases == ["default"]

    def test_goes_with_the_block_when_it_fails(self, site: Site) -> None:
        with transaction.atomic(), batch():
            for number in range(5):
                note(site, str(number))
            transaction.set_rollback(True)
        assert (Note.objects.count(), entries()) == (0, [])

    def test_goes_with_its_savepoint_but_takes_nothing_else_along(self, site: Site) -> None:
        with batch():
            note(site, "before")
            with transaction.atomic():
                for number in range(5):
                    note(site, str(number))
                assert entries() == []  # "before" would go with this savepoint
                transaction.set_rollback(True)
            note(site, "after")
        assert Note.objects.count() == 2
        assert entries() == [EventType.CREATED] * 2

    def test_savepoint_that_is_kept_is_no_obstacle(self, site: Site) -> None:
        with batch():
            with transaction.atomic():
                note(site, "kept")
            for number in range(3):
                note(site, str(number))
            assert len(entries()) == 4

    def test_statement_takes_no_more(self, site: Site) -> None:
        data = LiveUpdateData(EventType.UPDATED, "c", uuid.uuid4())
        with CaptureQueriesContext(connections["default"]) as queries:
            record([(site.pk, data)] * 7, using="default")
        assert outbox_writes(queries) == 3
        assert OutboxEntry.objects.count() == 7
