from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.conf import settings
from django.db import connections, transaction
from django.db.models import F, Value
from django.db.models.functions import Concat
from django.test.utils import CaptureQueriesContext

from spool_live import LiveManager, LiveQuerySet, record_changes
from spool_live.models import OutboxEntry, Site
from spool_live.updates import EventType
from tests.capture.conftest import Recording, item_id
from tests.testapp.models import Article, Note, Product, Section, Snippet, Unregistered

pytestmark = pytest.mark.django_db


def articles(site: Site, count: int, **values: str) -> list[Article]:
    made = [Article(site=site, title=f"A{n}", slug=f"a-{n}", **values) for n in range(count)]
    return Article.objects.bulk_create(made)


def live(model: type) -> LiveQuerySet[Any]:
    return LiveQuerySet(model)


def outbox_writes(queries: CaptureQueriesContext) -> int:
    return sum("INSERT INTO live_updates_outbox" in q["sql"] for q in queries.captured_queries)


class TestRecordChanges:
    def test_one_statement_for_any_number_of_items(self, site: Site, recorded: Recording) -> None:
        articles(site, 40)
        with CaptureQueriesContext(connections["default"]) as queries:
            assert record_changes(Article.objects.all()) == 40
        assert outbox_writes(queries) == 1
        found = recorded()
        assert {(r.event, r.collection, r.site) for r in found} == {("updated", "articles", site)}
        assert {r.metadata["title"] for r in found} == {f"A{n}" for n in range(40)}

    @pytest.mark.parametrize(
        ("event_type", "status", "events"),
        [
            (EventType.CREATED, "draft", ["created"]),
            (EventType.CREATED, "published", ["published"]),
            (EventType.PUBLISHED, "published", ["published"]),
            ("content.deleted", "published", ["deleted"]),
            (EventType.UPDATED, "draft", ["updated"]),
        ],
    )
    def test_event_type(
        self, site: Site, recorded: Recording, event_type: str, status: str, events: list[str]
    ) -> None:
        articles(site, 1, status=status)
        record_changes(Article.objects.all(), event_type)
        assert [r.event for r in recorded()] == events

    def test_event_type_that_is_none_of_the_four(self, site: Site) -> None:
        with pytest.raises(ValueError, match=r"content\.renamed"):
            record_changes(Article.objects.all(), "content.renamed")

    def test_items_in_a_list(self, site: Site, recorded: Recording) -> None:
        assert record_changes(articles(site, 2)) == 2
        assert len(recorded()) == 2

    def test_nothing(self, recorded: Recording) -> None:
        assert record_changes(Article.objects.none()) == 0
        assert recorded() == []

    def test_items_that_are_not_reported_are_skipped(self, site: Site, recorded: Recording) -> None:
        Product.objects.bulk_create([Product(sku="no site", tenant=None)])
        Unregistered.objects.create(site=site)
        assert record_changes([*Product.objects.all(), *Unregistered.objects.all()]) == 0
        assert recorded() == []

    @pytest.mark.django_db(databases=["default", "other"])
    def test_on_the_alias_of_the_query(self, recorded: Recording) -> None:
        site = Site.objects.using("other").create(name="Elsewhere")
        Note.objects.using("other").bulk_create([Note(site=site, text="x")])
        assert record_changes(Note.objects.using("other")) == 1
        assert recorded.events("other") == [("updated", "notes")]
        assert recorded.events() == []


class TestUpdate:
    def test_items_and_their_updates_in_one_write(self, site: Site, recorded: Recording) -> None:
        articles(site, 12)
        with CaptureQueriesContext(connections["default"]) as queries:
            assert live(Article).filter(title="A3").update(body="new") == 1
            assert live(Article).update(body="newer") == 12
        assert outbox_writes(queries) == 2
        assert recorded.events() == [("updated", "articles")] * 13
        assert set(Article.objects.values_list("body", flat=True)) == {"newer"}

    def test_publishing_and_unpublishing_are_recorded(
        self, site: Site, recorded: Recording
    ) -> None:
        articles(site, 1)
        live(Article).update(status="published")
        live(Article).update(status="draft")
        published, withdrawn = recorded()
        assert published.event == "published"
        assert (withdrawn.event, withdrawn.metadata["published"]) == ("updated", False)

    def test_new_slug_brings_the_previous_one(self, site: Site, recorded: Recording) -> None:
        articles(site, 2)
        live(Article).update(slug=Concat("slug", Value("-2")))
        found = {(r.slug, r.metadata["previous_slug"]) for r in recorded()}
        assert found == {("a-0-2", "a-0"), ("a-1-2", "a-1")}

    def test_move_to_another_site(self, site: Site, other_site: Site, recorded: Recording) -> None:
        articles(site, 1)
        live(Article).update(site=other_site)
        assert [(r.event, r.site) for r in recorded()] == [
            ("deleted", site),
            ("created", other_site),
        ]

    def test_rows_that_do_not_match_any_more_afterwards(
        self, site: Site, recorded: Recording
    ) -> None:
        articles(site, 3)
        assert live(Article).filter(status="draft").update(status="published") == 3
        assert [r.event for r in recorded()] == ["published"] * 3

    def test_annotation_is_still_there_for_the_update(self, site: Site) -> None:
        articles(site, 1)
        rows = live(Article).annotate(shout=Concat("title", Value("!")))
        rows.update(title=F("shout"))
        assert Article.objects.get().title == "A0!"

    def test_more_items_than_one_statement_takes(
        self, site: Site, recorded: Recording, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("spool_live.capture.reading.CHUNK", 3)
        articles(site, 8)
        assert live(Article).update(body="new") == 8
        assert len(recorded()) == 8

    def test_site_by_a_dotted_path(self, site: Site, recorded: Recording) -> None:
        section = Section.objects.create(site=site, name="Opinion")
        Snippet.objects.bulk_create([Snippet(section=section, text="x")])
        with CaptureQueriesContext(connections["default"]) as queries:
            live(Snippet).update(text="y")
        assert recorded.events() == [("updated", "snippets")]
        assert not any('FROM "testapp_section"' in q["sql"] for q in queries.captured_queries)

    def test_error_leaves_neither(self, site: Site, recorded: Recording) -> None:
        articles(site, 1)
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            live(Article).update(body=str(1 / (live(Article).update(title="lost") - 1)))
        assert recorded() == []
        assert Article.objects.get().title == "A0"

    def test_model_that_is_not_registered(self, site: Site, recorded: Recording) -> None:
        Unregistered.objects.create(site=site)
        assert live(Unregistered).update(site=site) == 1
        assert recorded() == []


class TestBulkCreate:
    def test_creations_in_one_write(self, site: Site, recorded: Recording) -> None:
        made = [Note(site=site, text=str(n)) for n in range(5)]
        with CaptureQueriesContext(connections["default"]) as queries:
            created = live(Note).bulk_create(made)
        assert outbox_writes(queries) == 1
        found = recorded()
        assert [r.event for r in found] == ["created"] * 5
        assert [r.item_id for r in found] == [item_id(note) for note in created]

    def test_item_that_is_published_from_the_start(self, site: Site, recorded: Recording) -> None:
        live(Article).bulk_create([Article(site=site, title="x", status="published")])
        assert [r.event for r in recorded()] == ["published"]

    def test_ignored_conflict_is_no_creation(self, site: Site, recorded: Recording) -> None:
        (old,) = articles(site, 1)
        fresh = Article(site=site, title="fresh")
        live(Article).bulk_create(
            [Article(id=old.pk, site=site, title="ignored"), fresh], ignore_conflicts=True
        )
        assert [(r.event, r.item_id) for r in recorded()] == [("created", fresh.pk)]

    def test_ignored_conflicts_without_keys_cannot_be_recorded(self, site: Site) -> None:
        with pytest.raises(TypeError, match="record_changes"):
            live(Note).bulk_create([Note(site=site, text="x")], ignore_conflicts=True)
        assert not Note.objects.exists()

    @pytest.mark.skipif(settings.CONTENT == "mariadb", reason="MariaDB takes no unique_fields")
    def test_conflict_that_updates_is_an_update(self, site: Site, recorded: Recording) -> None:
        Product.objects.bulk_create([Product(tenant=site.pk, sku="a"), Product(sku="b")])
        live(Product).bulk_create(
            [Product(tenant=site.pk, sku=sku, stock=3) for sku in ("a", "b", "c")],
            update_conflicts=True,
            update_fields=["stock", "tenant"],
            unique_fields=["sku"],
        )
        assert sorted(r.event for r in recorded()) == ["created", "created", "updated"]
        assert set(Product.objects.values_list("stock", flat=True)) == {3}


class TestBulkUpdate:
    def test_meaning_of_each_item_in_one_write(self, site: Site, recorded: Recording) -> None:
        first, second = articles(site, 2)
        first.status, second.slug = "published", "new"
        with CaptureQueriesContext(connections["default"]) as queries:
            assert live(Article).bulk_update([first, second], ["status", "slug"]) == 2
        assert outbox_writes(queries) == 1
        assert {(r.event, r.slug, r.metadata.get("previous_slug")) for r in recorded()} == {
            ("published", "a-0", None),
            ("updated", "new", "a-1"),
        }


class TestDelete:
    def test_deletions_in_one_write(self, site: Site, recorded: Recording) -> None:
        articles(site, 6)
        with CaptureQueriesContext(connections["default"]) as queries:
            deleted, _ = live(Article).filter(title__lt="A4").delete()
        assert deleted == 4
        assert outbox_writes(queries) == 1
        assert [r.event for r in recorded()] == ["deleted"] * 4


def test_manager_passes_the_methods_on(site: Site, recorded: Recording) -> None:
    manager = LiveManager[Note]()
    manager.model = Note
    manager.bulk_create([Note(site=site, text="x")])
    manager.update(text="y")
    assert recorded.events() == [("created", "notes"), ("updated", "notes")]
    assert not hasattr(manager, "delete")


class OldNotes(LiveQuerySet[Any]):
    def old(self) -> OldNotes:
        return self.filter(text="old")


def test_manager_takes_a_query_set_of_the_project(site: Site, recorded: Recording) -> None:
    manager: Any = LiveManager.from_queryset(OldNotes)()
    manager.model = Note
    manager.bulk_create([Note(site=site, text="old"), Note(site=site, text="new")])
    assert type(manager.all()) is OldNotes
    assert manager.old().update(text="newer") == 1
    assert recorded.events()[-1] == ("updated", "notes")


def test_updates_are_delivered_in_the_order_of_the_items(site: Site) -> None:
    live(Article).bulk_create([Article(id=uuid.uuid4(), site=site, title=str(n)) for n in range(9)])
    titles = [entry.metadata["title"] for entry in OutboxEntry.objects.order_by("pk")]
    assert titles == [str(n) for n in range(9)]
