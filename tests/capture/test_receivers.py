"""What saves and deletions record. Content, outbox and signals are the real ones."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone

from spool_live.models import Site
from tests.capture.conftest import Recorded, Recording, item_id, received_first
from tests.capture.triggering import declared
from tests.testapp.models import (
    Article,
    Dossier,
    LandingPage,
    Note,
    Product,
    Section,
    Snippet,
    Story,
    Unregistered,
)

pytestmark = pytest.mark.django_db


class TestInsert:
    def test_records_created_with_slug_and_metadata(self, site: Site, recorded: Recording) -> None:
        article = Article.objects.create(site=site, title="Ferry", slug="ferry")
        assert recorded() == [
            Recorded("created", "articles", article.pk, site, "ferry", {"title": "Ferry"})
        ]

    def test_published_from_the_start_is_one_event(self, site: Site, recorded: Recording) -> None:
        Article.objects.create(site=site, status="published")
        assert recorded.events() == [("published", "articles")]

    def test_item_without_slug_or_publish_state(self, site: Site, recorded: Recording) -> None:
        Note.objects.create(site=site, text="x")
        [entry] = recorded()
        assert (entry.event, entry.slug, entry.metadata) == ("created", None, {})

    def test_item_that_its_collection_leaves_out(self, site: Site, recorded: Recording) -> None:
        Dossier.objects.create(site=site, title="x")
        assert recorded() == []

    def test_item_without_a_site(self, db: None, recorded: Recording) -> None:
        Product.objects.create(sku="x")
        assert recorded() == []

    def test_unregistered_model(self, site: Site, recorded: Recording) -> None:
        Unregistered.objects.create(site=site)
        assert recorded() == []

    def test_bulk_create_sends_no_signals(self, site: Site, recorded: Recording) -> None:
        Note.objects.bulk_create([Note(site=site, text="x")])
        assert recorded() == []

    def test_primary_key_given_as_text_is_the_same_item(
        self, site: Site, recorded: Recording
    ) -> None:
        pk = uuid.uuid4()
        Article.objects.create(pk=str(pk), site=site)
        Article.objects.get(pk=pk).save()
        assert [entry.item_id for entry in recorded()] == [pk, pk]

    def test_explicit_integer_key_of_a_new_item(self, site: Site, recorded: Recording) -> None:
        Note(pk=12345, site=site, text="x").save()
        assert recorded.events() == [("created", "notes")]

    def test_get_or_create(self, site: Site, recorded: Recording) -> None:
        for _ in range(2):
            Product.objects.get_or_create(sku="x", defaults={"tenant": site.pk})
        assert recorded.events() == [("created", "goods")]


class TestUpdate:
    def test_of_a_plain_item(self, site: Site, recorded: Recording) -> None:
        note = Note.objects.create(site=site, text="x")
        recorded()
        note.text = "y"
        note.save()
        assert recorded() == [Recorded("updated", "notes", item_id(note), site, None, {})]

    def test_transitions_of_the_publish_state(self, site: Site, recorded: Recording) -> None:
        article = Article.objects.create(site=site)
        for status in ("draft", "published", "published", "draft"):
            article.status = status
            article.save()
        assert [(entry.event, entry.metadata.get("published")) for entry in recorded()] == [
            ("created", None),
            ("updated", None),
            ("published", None),
            ("updated", None),
            ("updated", False),
        ]

    def test_transition_is_determined_from_the_row_and_not_from_memory(
        self, site: Site, recorded: Recording
    ) -> None:
        article = Article.objects.create(site=site)
        stale = Article.objects.get()
        article.status = "published"
        article.save()
        recorded()
        stale.status = "published"
        stale.save()
        assert recorded.events() == [("updated", "articles")]

    def test_new_slug_brings_the_previous_one(self, site: Site, recorded: Recording) -> None:
        article = Article.objects.create(site=site, title="Ferry", slug="old")
        recorded()
        article.slug = "new"
        article.save()
        [entry] = recorded()
        assert (entry.event, entry.slug) == ("updated", "new")
        assert entry.metadata == {"title": "Ferry", "previous_slug": "old"}

    def test_metadata_of_the_collection_cannot_override_ours(
        self, site: Site, recorded: Recording
    ) -> None:
        body: dict[str, Any] = {
            "slug_field": "slug",
            "is_published": lambda self, item: item.status == "published",
            "get_metadata": lambda self, item: {"published": True, "previous_slug": "no", "a": 1},
        }
        with declared(Article, **body):
            article = Article.objects.create(site=site, slug="old", status="published")
            article.slug, article.status = "new", "draft"
            article.save()
        assert [entry.metadata for entry in recorded()] == [
            {"published": True, "previous_slug": "no", "a": 1},
            {"published": False, "previous_slug": "old", "a": 1},
        ]

    @pytest.mark.parametrize("fields", [["text"], ["text", "site"], ["site_id", "text"], None])
    def test_queryset_update_sends_no_signals_but_save_does(
        self, fields: list[str] | None, site: Site, recorded: Recording
    ) -> None:
        note = Note.objects.create(site=site, text="x")
        recorded()
        Note.objects.update(text="y")
        assert recorded() == []
        note.save(update_fields=fields)
        assert recorded.events() == [("updated", "notes")]

    def test_update_fields_of_nothing_saves_nothing(self, site: Site, recorded: Recording) -> None:
        article = Article.objects.create(site=site)
        recorded()
        article.status = "published"
        article.save(update_fields=[])
        assert recorded() == []

    def test_update_fields_leave_the_rest_as_it_is_stored(
        self, site: Site, recorded: Recording
    ) -> None:
        article = Article.objects.create(site=site, title="Ferry", slug="ferry")
        recorded()
        article.status, article.slug, article.title = "published", "unsaved", "Unsaved"
        article.save(update_fields=["title"])
        assert recorded() == [
            Recorded("updated", "articles", article.pk, site, "ferry", {"title": "Unsaved"})
        ]
        article.save(update_fields=["status"])
        assert [(e.event, e.slug, e.metadata) for e in recorded()] == [
            ("published", "ferry", {"title": "Unsaved"})
        ]

    def test_deferred_fields_are_read_from_the_row(self, site: Site, recorded: Recording) -> None:
        Article.objects.create(site=site, title="Ferry", slug="ferry", status="published")
        recorded()
        article = Article.objects.only("body").get()
        article.body = "text"
        article.save()
        assert recorded() == [
            Recorded("updated", "articles", article.pk, site, "ferry", {"title": "Ferry"})
        ]

    def test_forced_update_of_a_row_that_was_never_loaded(
        self, site: Site, recorded: Recording
    ) -> None:
        pk = Article.objects.create(site=site, slug="x").pk
        recorded()
        Article(pk=pk, site=site, slug="y").save(force_update=True)
        assert [(e.event, e.slug) for e in recorded()] == [("updated", "y")]

    def test_expression_as_a_value(self, site: Site, recorded: Recording) -> None:
        product = Product.objects.create(tenant=site.pk, sku="x")
        recorded()
        product.stock = F("stock") + 1
        product.save()
        assert recorded.events() == [("updated", "goods")]

    def test_publish_state_that_the_database_computes(
        self, site: Site, recorded: Recording
    ) -> None:
        with declared(Story, published_when=Q(is_live=True)):
            story = Story.objects.create(site=site)
            for status in ("published", "draft"):
                story.status = status
                story.save()
        assert [(e.event, e.metadata) for e in recorded()] == [
            ("created", {}),
            ("published", {}),
            ("updated", {"published": False}),
        ]

    def test_publish_state_by_an_expression(self, site: Site, recorded: Recording) -> None:
        body: dict[str, Any] = {
            "is_published": lambda self, item: (
                item.moment is not None and item.moment <= timezone.now()
            )
        }
        with declared(Story, **body):
            story = Story.objects.create(site=site)
            story.moment = Now()
            story.save()
        assert [e.event for e in recorded()] == ["created", "published"]

    def test_update_or_create(self, site: Site, recorded: Recording) -> None:
        for status in ("draft", "published"):
            Article.objects.update_or_create(slug="x", defaults={"site": site, "status": status})
        assert recorded.events() == [("created", "articles"), ("published", "articles")]

    def test_save_from_a_receiver_before_ours_keeps_the_transition(
        self, site: Site, recorded: Recording
    ) -> None:
        article = Article.objects.create(site=site)
        recorded()

        def save_again(instance: Article, **kwargs: Any) -> None:
            if instance.body == "":
                instance.body = "rendered"
                instance.save()

        with received_first(Article, save_again):
            article.status = "published"
            article.save()
        assert sorted(recorded.events()) == [("published", "articles"), ("updated", "articles")]

    def test_failed_save_leaves_nothing_for_the_next(self, site: Site, recorded: Recording) -> None:
        article = Article.objects.create(site=site)
        recorded()
        article.status, article.title = "published", None  # type: ignore[assignment]
        with pytest.raises(IntegrityError), transaction.atomic():
            article.save()
        article.title = "Ferry"
        article.save()
        article.save()
        assert recorded.events() == [("published", "articles"), ("updated", "articles")]


class TestLeftOut:
    def test_enters_and_leaves_the_feed(self, site: Site, recorded: Recording) -> None:
        dossier = Dossier.objects.create(site=site, title="x")
        dossier.public = True
        dossier.save()
        dossier.save()
        dossier.public = False
        dossier.save()
        dossier.save()
        dossier.delete()
        assert [e.event for e in recorded()] == ["created", "updated", "deleted"]


class TestDelete:
    def test_of_an_instance(self, site: Site, recorded: Recording) -> None:
        article = Article.objects.create(site=site, title="Ferry", slug="ferry")
        recorded()
        pk = article.pk
        article.delete()
        assert recorded() == [
            Recorded("deleted", "articles", pk, site, "ferry", {"title": "Ferry"})
        ]

    def test_of_a_queryset(self, site: Site, recorded: Recording) -> None:
        for _ in range(3):
            Note.objects.create(site=site, text="x")
        recorded()
        Note.objects.all().delete()
        assert recorded.events() == [("deleted", "notes")] * 3

    @pytest.mark.parametrize("loaded", ["text", "pk"])
    def test_of_an_item_loaded_without_its_site(
        self, loaded: str, site: Site, recorded: Recording
    ) -> None:
        Note.objects.create(site=site, text="x")
        recorded()
        Note.objects.only(loaded).get().delete()
        assert [(e.event, e.site) for e in recorded()] == [("deleted", site)]

    def test_by_cascade(self, site: Site, recorded: Recording) -> None:
        section = Section.objects.create(site=site, name="x")
        Snippet.objects.create(section=section, text="x")
        recorded()
        section.delete()
        assert [(e.event, e.collection, e.site) for e in recorded()] == [
            ("deleted", "snippets", site)
        ]

    def test_of_a_whole_site(self, site: Site, other_site: Site, recorded: Recording) -> None:
        section = Section.objects.create(site=site, name="x")
        Snippet.objects.create(section=section, text="x")
        Article.objects.create(site=site)
        LandingPage.objects.create(site=site, title="x", hero="y")
        stays = Note.objects.create(site=other_site, text="x")
        recorded()
        pk = site.pk
        site.delete()
        found = recorded()
        assert {e.site for e in found} == {Site(id=pk)}
        assert sorted(e.collection for e in found) == ["articles", "pages", "snippets"]
        assert Note.objects.get() == stays
