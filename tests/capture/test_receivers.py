"""What saves and deletions record. Content, outbox and signals are the real ones."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.core import serializers
from django.core.management import call_command
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from spool_live.models import Site
from spool_live.updates import METADATA_LIMIT
from tests.capture.conftest import Announce, Recorded, Recording, heard_first, item_id, rolled_back
from tests.testapp.models import (
    Article,
    ArticleProxy,
    Dossier,
    LandingPage,
    Note,
    Page,
    Product,
    Section,
    Snippet,
    Unregistered,
)

pytestmark = pytest.mark.django_db


def statements(queries: CaptureQueriesContext) -> list[str]:
    """The first word of each statement, and the table it is about."""
    return [query["sql"].partition(" ")[0] for query in queries.captured_queries]


class TestInsert:
    def test_records_created_with_slug_and_metadata(self, site: Site, recorded: Recording) -> None:
        article = Article.objects.create(site=site, title="Ferry", slug="ferry")
        assert recorded() == [
            Recorded("created", "articles", article.pk, site, "ferry", {"title": "Ferry"})
        ]

    def test_born_published_is_one_event(self, site: Site, recorded: Recording) -> None:
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

    def test_transition_is_told_from_the_row_and_not_from_memory(
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

    def test_collections_own_metadata_cannot_hide_what_we_add(
        self, site: Site, recorded: Recording, announced: Announce
    ) -> None:
        item = Unregistered.objects.create(site=site)
        announced(
            Unregistered,
            is_published=lambda self, item: item.pk is None,
            get_metadata=lambda self, item: {"published": True, "previous_slug": "no"},
        )
        item.save()
        assert recorded()[0].metadata == {"published": True, "previous_slug": "no"}

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

    def test_update_or_create(self, site: Site, recorded: Recording) -> None:
        for status in ("draft", "published"):
            Article.objects.update_or_create(slug="x", defaults={"site": site, "status": status})
        assert recorded.events() == [("created", "articles"), ("published", "articles")]

    def test_save_from_a_handler_that_hears_before_us_keeps_the_transition(
        self, site: Site, recorded: Recording
    ) -> None:
        article = Article.objects.create(site=site)
        recorded()

        def save_again(instance: Article, **kwargs: Any) -> None:
            if instance.body == "":
                instance.body = "rendered"
                instance.save()

        with heard_first(Article, save_again):
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


class TestMove:
    """An item that changes its site is deleted there and created here."""

    def test_of_a_comparing_collection(
        self, site: Site, other_site: Site, recorded: Recording
    ) -> None:
        article = Article.objects.create(site=site, slug="x", status="published")
        recorded()
        article.site = other_site
        article.save()
        assert [(e.event, e.site) for e in recorded()] == [
            ("deleted", site),
            ("published", other_site),
        ]

    def test_of_a_plain_collection_costs_no_query(
        self, site: Site, other_site: Site, recorded: Recording
    ) -> None:
        Note.objects.create(site=site, text="x")
        recorded()
        note = Note.objects.get()
        note.site = other_site
        with CaptureQueriesContext(connection) as queries:
            note.save()
        assert statements(queries) == ["UPDATE", "INSERT"]
        assert [(e.event, e.site) for e in recorded()] == [
            ("deleted", site),
            ("created", other_site),
        ]
        note.save()
        assert [(e.event, e.site) for e in recorded()] == [("updated", other_site)]

    def test_right_after_its_creation(
        self, site: Site, other_site: Site, recorded: Recording
    ) -> None:
        note = Note.objects.create(site=site, text="x")
        recorded()
        note.site = other_site
        note.save()
        assert [(e.event, e.site) for e in recorded()] == [
            ("deleted", site),
            ("created", other_site),
        ]

    def test_saved_later_by_update_fields(
        self, site: Site, other_site: Site, recorded: Recording
    ) -> None:
        note = Note.objects.create(site=site, text="x")
        recorded()
        note.site = other_site
        note.save(update_fields=["text"])
        assert [(e.event, e.site) for e in recorded()] == [("updated", site)]
        note.save(update_fields=["site"])
        assert [(e.event, e.site) for e in recorded()] == [
            ("deleted", site),
            ("created", other_site),
        ]

    def test_tried_again_after_a_rollback(
        self, site: Site, other_site: Site, recorded: Recording
    ) -> None:
        note = Note.objects.create(site=site, text="x")
        recorded()
        note.site = other_site
        with rolled_back():
            note.save()
        note.save()
        assert [(e.event, e.site) for e in recorded()] == [
            ("deleted", site),
            ("created", other_site),
        ]

    def test_of_an_item_loaded_without_its_site(
        self, site: Site, other_site: Site, recorded: Recording
    ) -> None:
        Note.objects.create(site=site, text="x")
        recorded()
        note = Note.objects.only("text").get()
        note.site = other_site
        note.save()
        assert [(e.event, e.site) for e in recorded()] == [
            ("deleted", site),
            ("created", other_site),
        ]

    def test_by_saving_over_an_existing_primary_key(
        self, site: Site, other_site: Site, recorded: Recording
    ) -> None:
        note = Note.objects.create(site=site, text="x")
        recorded()
        Note(pk=note.pk, site=other_site, text="y").save()
        assert [(e.event, e.site) for e in recorded()] == [
            ("deleted", site),
            ("created", other_site),
        ]

    def test_to_and_from_no_site(self, site: Site, recorded: Recording) -> None:
        product = Product.objects.create(tenant=site.pk, sku="x")
        product.tenant = None
        product.save()
        product.save()
        product.tenant = site.pk
        product.save()
        assert [e.event for e in recorded()] == ["created", "deleted", "created"]

    def test_site_id_given_as_text_is_no_move(self, site: Site, recorded: Recording) -> None:
        product = Product.objects.create(tenant=str(site.pk), sku="x")
        product.save()
        product.tenant = str(site.pk)  # type: ignore[assignment]
        product.save()
        assert [(e.event, e.site) for e in recorded()] == [
            ("created", site),
            ("updated", site),
            ("updated", site),
        ]

    def test_through_a_dotted_path(self, site: Site, other_site: Site, recorded: Recording) -> None:
        here = Section.objects.create(site=site, name="here")
        there = Section.objects.create(site=other_site, name="there")
        snippet = Snippet.objects.create(section=here, text="x")
        snippet.section = there
        snippet.save()
        snippet.section = None
        snippet.save()
        snippet.section_id = here.pk
        snippet.save()
        assert [(e.event, e.site) for e in recorded()] == [
            ("created", site),
            ("deleted", site),
            ("created", other_site),
            ("deleted", other_site),
            ("created", site),
        ]

    def test_of_what_on_the_dotted_path_leads_to_the_site_is_not_heard(
        self, site: Site, other_site: Site, recorded: Recording
    ) -> None:
        section = Section.objects.create(site=site, name="here")
        Snippet.objects.create(section=section, text="x")
        recorded()
        section.site = other_site
        section.save()
        assert recorded() == []

    def test_where_the_site_is_a_property(
        self, site: Site, other_site: Site, recorded: Recording, announced: Announce
    ) -> None:
        section = Section.objects.create(site=site, name="x")
        announced(Section, get_site=lambda self, item: Site(id=item.site_id))
        section.site = other_site
        section.save()
        assert [(e.event, e.site) for e in recorded()] == [
            ("deleted", site),
            ("created", other_site),
        ]


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


class TestInheritance:
    def test_child_is_announced_in_its_parents_collection_under_its_identity(
        self, site: Site, recorded: Recording
    ) -> None:
        landing = LandingPage.objects.create(site=site, title="x", hero="y")
        page = landing.page_ptr
        page.save()
        landing.hero = "z"
        landing.save(update_fields=["hero"])
        found = recorded()
        assert [e.event for e in found] == ["created", "updated", "updated"]
        assert {(e.collection, e.item_id) for e in found} == {("pages", item_id(page))}
        landing.delete()
        assert recorded.events() == [("deleted", "pages")]

    def test_deletion_of_the_parent_is_one_event(self, site: Site, recorded: Recording) -> None:
        LandingPage.objects.create(site=site, title="x", hero="y")
        recorded()
        Page.objects.get().delete()
        assert recorded.events() == [("deleted", "pages")]

    def test_child_with_a_collection_of_its_own_is_announced_in_both(
        self, site: Site, recorded: Recording, announced: Announce
    ) -> None:
        announced(LandingPage, name="landing", is_published=lambda self, item: bool(item.hero))
        landing = LandingPage.objects.create(site=site, title="x", hero="")
        landing.hero = "y"
        landing.save()
        Page.objects.create(site=site, title="x")
        assert recorded.events() == [
            ("created", "pages"),
            ("created", "landing"),
            ("updated", "pages"),
            ("published", "landing"),
            ("created", "pages"),
        ]
        landing.delete()
        assert sorted(recorded.events()) == [("deleted", "landing"), ("deleted", "pages")]

    def test_move_of_a_child(self, site: Site, other_site: Site, recorded: Recording) -> None:
        LandingPage.objects.create(site=site, title="x", hero="y")
        recorded()
        landing = LandingPage.objects.get()
        landing.site = other_site
        landing.save()
        assert [(e.event, e.site) for e in recorded()] == [
            ("deleted", site),
            ("created", other_site),
        ]

    def test_proxy_is_its_model(self, site: Site, recorded: Recording) -> None:
        article = ArticleProxy.objects.create(site=site, slug="x")
        article.status = "published"
        article.save()
        pk = article.pk
        article.delete()
        assert [(e.event, e.collection, e.item_id) for e in recorded()] == [
            ("created", "articles", pk),
            ("published", "articles", pk),
            ("deleted", "articles", pk),
        ]


class TestTransaction:
    def test_rolled_back_edit_records_nothing(self, site: Site, recorded: Recording) -> None:
        with rolled_back():
            Note.objects.create(site=site, text="x")
        assert recorded() == []

    def test_rolled_back_savepoint_takes_only_its_own(
        self, site: Site, recorded: Recording
    ) -> None:
        with transaction.atomic():
            Note.objects.create(site=site, text="x")
            with rolled_back():
                Article.objects.create(site=site)
            Page.objects.create(site=site, title="x")
        assert recorded.events() == [("created", "notes"), ("created", "pages")]


class TestFixture:
    """``loaddata`` copies content: nobody edits."""

    @pytest.mark.parametrize("model", [Article, Note])
    def test_raw_save_records_nothing(self, model: Any, site: Site, recorded: Recording) -> None:
        item = model.objects.create(site=site)
        recorded()
        [loaded] = serializers.deserialize("json", serializers.serialize("json", [item]))
        loaded.save()
        item.delete()
        recorded()
        loaded.save()
        assert model.objects.count() == 1
        assert recorded() == []

    def test_loaddata_with_relations_records_nothing(
        self, site: Site, recorded: Recording, tmp_path: Any
    ) -> None:
        article = Article.objects.create(site=site)
        article.tags.create(name="x")
        article.related.add(Article.objects.create(site=site))
        path = tmp_path / "content.json"
        call_command("dumpdata", "testapp", output=path, verbosity=0)
        Article.objects.all().delete()
        recorded()
        call_command("loaddata", path, verbosity=0)
        assert Article.objects.get(pk=article.pk).tags.count() == 1
        assert recorded() == []


class TestCollectionThatRaises:
    """The editor's save is never lost for it."""

    def test_in_get_metadata(
        self,
        site: Site,
        recorded: Recording,
        announced: Announce,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        announced(Unregistered, get_metadata=lambda self, item: {"x": item.missing})
        Unregistered.objects.create(site=site)
        [entry] = recorded()
        assert (entry.event, entry.metadata) == ("created", {"invalid": True})
        assert "get_metadata failed" in caplog.text

    @pytest.mark.parametrize("answer", [None, [1, 2], "text", 7])
    def test_metadata_that_is_no_mapping(
        self, answer: Any, site: Site, recorded: Recording, announced: Announce
    ) -> None:
        announced(Unregistered, get_metadata=lambda self, item: answer)
        Unregistered.objects.create(site=site)
        assert recorded()[0].metadata == {"invalid": True}

    @pytest.mark.parametrize("method", ["get_site", "get_slug", "is_published", "announces"])
    def test_where_the_change_cannot_be_told(
        self,
        method: str,
        site: Site,
        recorded: Recording,
        announced: Announce,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        def raises(self: Any, item: Any) -> Any:
            raise LookupError("no idea")

        announced(Unregistered, **{method: raises})
        item = Unregistered.objects.create(site=site)
        item.save()
        item.delete()
        assert recorded() == []
        assert caplog.text.count("cannot tell the change") == 3

    @pytest.mark.parametrize("method", ["get_site", "get_metadata"])
    def test_in_a_query_takes_the_edit_back(
        self, method: str, site: Site, recorded: Recording, announced: Announce
    ) -> None:
        def query(self: Any, item: Any) -> Any:
            with connection.cursor() as cursor:
                cursor.execute("select no_such_column from sites")

        announced(Unregistered, **{method: query})
        with pytest.raises(DatabaseError), transaction.atomic():
            Unregistered.objects.create(site=site)
        assert Unregistered.objects.count() == 0
        assert recorded() == []

    @pytest.mark.parametrize("site_id", ["no uuid", 7])
    def test_site_that_is_no_id(
        self,
        site_id: Any,
        site: Site,
        recorded: Recording,
        announced: Announce,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        announced(Unregistered, get_site=lambda self, item: site_id)
        Unregistered.objects.create(site=site)
        assert recorded() == []
        assert "cannot tell the change" in caplog.text

    def test_slug_that_is_no_text(
        self, site: Site, recorded: Recording, announced: Announce
    ) -> None:
        announced(Unregistered, get_slug=lambda self, item: 2024)
        Unregistered.objects.create(site=site)
        assert recorded()[0].slug == "2024"


class TestUnfitText:
    """PostgreSQL's text and jsonb hold neither NUL nor lone surrogates: neither may cost a save."""

    @pytest.mark.parametrize(
        ("given", "kept"),
        [
            pytest.param("a\x00b", "ab", id="NUL"),
            pytest.param("a\ud800b", "a?b", id="lone surrogate"),
            pytest.param("a\\u0000b", "a\\u0000b", id="escaped NUL as text"),
            pytest.param("\\\x00\\u0000", "\\\\u0000", id="backslash before a NUL"),
        ],
    )
    def test_in_metadata_and_slug(
        self, given: str, kept: str, site: Site, recorded: Recording, announced: Announce
    ) -> None:
        announced(
            Unregistered,
            get_slug=lambda self, item: given,
            get_metadata=lambda self, item: {"title": given, given: [given]},
        )
        Unregistered.objects.create(site=site)
        [entry] = recorded()
        assert entry.slug == kept
        assert entry.metadata == {"title": kept, kept: [kept]}

    @pytest.mark.parametrize("value", [float("nan"), object(), {1: object()}, b"bytes"])
    def test_metadata_that_is_no_json_is_left_out_and_flagged(
        self, value: Any, site: Site, recorded: Recording, announced: Announce
    ) -> None:
        announced(Unregistered, get_metadata=lambda self, item: {"a": 1, "b": value, "c": 2})
        Unregistered.objects.create(site=site)
        assert recorded()[0].metadata == {"a": 1, "c": 2, "invalid": True}

    def test_metadata_that_is_too_deep(
        self, site: Site, recorded: Recording, announced: Announce
    ) -> None:
        deep: list[Any] = []
        for _ in range(METADATA_LIMIT):
            deep = [deep]
        announced(Unregistered, get_metadata=lambda self, item: {"a": 1, "deep": deep})
        Unregistered.objects.create(site=site)
        metadata = recorded()[0].metadata
        assert metadata.pop("a") == 1
        assert metadata in ({"invalid": True}, {"truncated": True})  # by the Python's own depth

    def test_metadata_above_its_limit_is_cut_and_flagged(
        self, site: Site, recorded: Recording, announced: Announce
    ) -> None:
        announced(
            Unregistered,
            get_metadata=lambda self, item: {"a": 1, "long": "ä" * METADATA_LIMIT, "b": 2},
        )
        Unregistered.objects.create(site=site)
        assert recorded()[0].metadata == {"a": 1, "b": 2, "truncated": True}


@pytest.mark.django_db(databases=["default", "other"])
class TestOtherAlias:
    """The outbox is on the alias of the edit."""

    def test_records_beside_the_content(self, recorded: Recording) -> None:
        site = Site.objects.using("other").create(name="Elsewhere")
        article = Article(site=site, slug="x")
        article.save(using="other")
        article.status = "published"
        article.save(using="other")
        pk = article.pk
        article.delete()
        assert [(e.event, e.item_id) for e in recorded("other")] == [
            ("created", pk),
            ("published", pk),
            ("deleted", pk),
        ]
        assert recorded("default") == []

    def test_relations(self, recorded: Recording) -> None:
        site = Site.objects.using("other").create(name="Elsewhere")
        article = Article.objects.using("other").create(site=site)
        recorded("other")
        tag = article.tags.create(name="x")
        tag.articles.clear()
        assert recorded.events("other") == [("updated", "articles")] * 2
        assert recorded("default") == []


class TestCost:
    """The currency is statements (an open transaction: no BEGIN, no COMMIT)."""

    def test_plain_collection_adds_one_insert(self, site: Site) -> None:
        with CaptureQueriesContext(connection) as queries:
            note = Note.objects.create(site=site, text="x")
        assert statements(queries) == ["INSERT", "INSERT"]
        with CaptureQueriesContext(connection) as queries:
            note.save()
        assert statements(queries) == ["UPDATE", "INSERT"]
        with CaptureQueriesContext(connection) as queries:
            note.save(update_fields=["text"])
        assert statements(queries) == ["UPDATE", "INSERT"]
        with CaptureQueriesContext(connection) as queries:
            note.delete()
        assert statements(queries) == ["INSERT", "DELETE"]

    def test_comparing_collection_adds_one_select(self, site: Site) -> None:
        with CaptureQueriesContext(connection) as queries:
            article = Article.objects.create(site=site)
        assert statements(queries) == ["INSERT", "INSERT"]
        for fields in (None, ["title"], ["site"]):
            with CaptureQueriesContext(connection) as queries:
                article.save(update_fields=fields)
            assert statements(queries) == ["SELECT", "UPDATE", "INSERT"]
        with CaptureQueriesContext(connection) as queries:
            Article.objects.only("body").get().save()
        assert statements(queries) == ["SELECT", "SELECT", "UPDATE", "INSERT"]

    def test_dotted_path_adds_one_select_where_the_relation_is_loaded(self, site: Site) -> None:
        section = Section.objects.create(site=site, name="x")
        snippet = Snippet.objects.create(section=section, text="x")
        for fields in (None, ["text"]):
            with CaptureQueriesContext(connection) as queries:
                snippet.save(update_fields=fields)
            assert statements(queries) == ["SELECT", "UPDATE", "INSERT"]

    def test_item_that_is_left_out_records_nothing(self, site: Site) -> None:
        with CaptureQueriesContext(connection) as queries:
            Dossier.objects.create(site=site, title="x")
        assert statements(queries) == ["INSERT"]

    def test_child_of_a_plain_collection(self, site: Site) -> None:
        with CaptureQueriesContext(connection) as queries:
            landing = LandingPage.objects.create(site=site, title="x", hero="y")
        assert statements(queries) == ["INSERT", "INSERT", "INSERT"]
        with CaptureQueriesContext(connection) as queries:
            landing.save()
        assert statements(queries) == ["UPDATE", "UPDATE", "INSERT"]

    def test_reading_costs_nothing(self, site: Site) -> None:
        Note.objects.create(site=site, text="x")
        with CaptureQueriesContext(connection) as queries:
            list(Note.objects.only("text"))
        assert statements(queries) == ["SELECT"]
