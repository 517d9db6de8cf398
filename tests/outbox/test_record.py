from __future__ import annotations

import logging
import uuid
from typing import Any

import pytest
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from spool_live import EventType, broadcast_update, outbox
from spool_live.models import OutboxEntry, Site
from spool_live.signals import outbox_committed
from tests.outbox.conftest import State, update

pytestmark = pytest.mark.django_db


def test_entry_holds_what_was_given(site: Site) -> None:
    item, before = uuid.uuid4(), timezone.now()
    data = update(
        event_type=EventType.PUBLISHED,
        collection="notes",
        item_id=item,
        slug="füße",
        metadata={"title": "Füße", "n": [1, None, True]},
    )
    outbox.record([(site.pk, data)], using="default")
    entry = OutboxEntry.objects.get()
    assert entry.site_id == site.pk
    assert entry.event_type == "content.published"
    assert (entry.collection, entry.item_id, entry.slug) == ("notes", item, "füße")
    assert entry.metadata == {"title": "Füße", "n": [1, None, True]}
    assert before <= entry.timestamp <= timezone.now()
    assert (entry.state, entry.seq, entry.attempts) == (State.PENDING, None, 0)
    assert (entry.last_error, entry.settled_at) == ("", None)
    assert entry.update_id.version == 4, "an id says nothing of when another site was edited"


@pytest.mark.parametrize("number", [1, 2, 300])
def test_any_number_of_updates_is_one_statement_in_order(number: int, site: Site) -> None:
    slugs = [None, *map(str, range(1, number))][:number]
    updates = [(site.pk, update(slug=slug, metadata={"s": slug})) for slug in slugs]
    with CaptureQueriesContext(connection) as queries:
        outbox.record(updates, using="default")
    assert len(queries) == 1
    entries = OutboxEntry.objects.order_by("pk")
    assert [entry.slug for entry in entries] == slugs
    assert [entry.metadata for entry in entries] == [{"s": slug} for slug in slugs]
    assert len({entry.update_id for entry in entries}) == number
    assert [entry.item_id for entry in entries] == [data.item_id for _, data in updates]
    assert {entry.timestamp.tzinfo is not None for entry in entries} == {True}


@pytest.mark.parametrize("number", [1, 2])
def test_text_that_postgresql_cannot_hold(number: int, site: Site) -> None:
    text = "a\x00b\ud800c\\u0000d'\"%s"
    data = update(collection=text, slug=text, metadata={text: text})
    outbox.record([(site.pk, data)] * number, using="default")
    kept = "ab?c\\u0000d'\"%s"
    for entry in OutboxEntry.objects.all():
        assert (entry.collection, entry.slug, entry.metadata) == (kept, kept, {kept: kept})


def test_nothing_to_record_costs_nothing(db: None) -> None:
    with CaptureQueriesContext(connection) as queries:
        outbox.record([], using="default")
    assert len(queries) == 0


class TestByHand:
    @pytest.mark.parametrize("form", [lambda s: s, lambda s: s.pk, lambda s: str(s.pk)])
    def test_site_in_whatever_form(self, form: Any, site: Site) -> None:
        broadcast_update(form(site), update())
        assert OutboxEntry.objects.get().site_id == site.pk

    def test_site_whose_key_is_text(self, site: Site) -> None:
        broadcast_update(Site(pk=str(site.pk)), update())
        assert OutboxEntry.objects.get().site_id == site.pk

    def test_what_is_no_site(self, db: None) -> None:
        with pytest.raises(ValueError):
            broadcast_update("seven", update())

    @pytest.mark.django_db(databases=["default", "other"])
    def test_on_another_alias(self) -> None:
        broadcast_update(uuid.uuid4(), update(), using="other")
        assert OutboxEntry.objects.using("other").count() == 1
        assert OutboxEntry.objects.using("default").count() == 0


@pytest.mark.django_db(transaction=True)
class TestAnnouncement:
    def test_comes_after_the_commit(self, site: Site, notified_aliases: list[str]) -> None:
        with transaction.atomic():
            outbox.record([(site.pk, update())], using="default")
            assert notified_aliases == []
        assert notified_aliases == ["default"]

    def test_comes_once_for_a_transaction(self, site: Site, notified_aliases: list[str]) -> None:
        with transaction.atomic():
            for _ in range(3):
                outbox.record([(site.pk, update())], using="default")
                with transaction.atomic():
                    outbox.record([(site.pk, update())], using="default")
        assert notified_aliases == ["default"]

    def test_survives_a_savepoint_that_is_rolled_back(
        self, site: Site, notified_aliases: list[str]
    ) -> None:
        with transaction.atomic():
            with transaction.atomic():
                outbox.record([(site.pk, update())], using="default")
                transaction.set_rollback(True)
            outbox.record([(site.pk, update())], using="default")
        assert notified_aliases == ["default"]
        assert OutboxEntry.objects.count() == 1

    @pytest.mark.parametrize("waits", ["before", "inside a savepoint that is rolled back"])
    def test_comes_beside_what_the_project_does_after_its_commits(
        self, waits: str, site: Site, notified_aliases: list[str]
    ) -> None:
        done: list[str] = []
        with transaction.atomic():
            transaction.on_commit(lambda: done.append("before"))
            with transaction.atomic():
                transaction.on_commit(lambda: done.append("inside"))
                if waits != "before":
                    outbox.record([(site.pk, update())], using="default")
                    transaction.set_rollback(True)
            outbox.record([(site.pk, update())], using="default")
        assert notified_aliases == ["default"]
        assert done == (["before", "inside"] if waits == "before" else ["before"])

    def test_does_not_come_after_a_rollback(self, site: Site, notified_aliases: list[str]) -> None:
        with transaction.atomic():
            outbox.record([(site.pk, update())], using="default")
            transaction.set_rollback(True)
        assert notified_aliases == []
        assert OutboxEntry.objects.count() == 0

    def test_comes_at_once_in_autocommit_mode(
        self, site: Site, notified_aliases: list[str]
    ) -> None:
        outbox.record([(site.pk, update())], using="default")
        assert notified_aliases == ["default"]

    def test_receiver_that_raises_breaks_nothing(
        self, site: Site, caplog: pytest.LogCaptureFixture
    ) -> None:
        def fail(**kwargs: Any) -> None:
            raise LookupError("no broker")

        outbox_committed.connect(fail)
        try:
            with caplog.at_level(logging.ERROR), transaction.atomic():
                outbox.record([(site.pk, update())], using="default")
        finally:
            outbox_committed.disconnect(fail)
        assert OutboxEntry.objects.count() == 1
        assert "no broker" in caplog.text


@pytest.mark.skipif(
    connections["default"].vendor != "postgresql", reason="an option of psycopg's own"
)
@pytest.mark.django_db(transaction=True)
def test_parameters_bound_by_the_server(site: Site) -> None:
    wrapper = connections["default"]
    wrapper.close()
    wrapper.settings_dict["OPTIONS"] = {"server_side_binding": True}
    try:
        for number in (1, 3):
            updates = [(site.pk, update(slug=None, metadata={"a": 1}))] * number
            outbox.record(updates, using="default")
        claim = outbox.claim_batch("default")
        assert claim is not None
        assert [entry.seq for entry in claim.entries] == [1, 2, 3, 4]
    finally:
        wrapper.close()
        wrapper.settings_dict["OPTIONS"] = {}
