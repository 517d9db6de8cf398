"""What holds whatever an editor does: one transaction, faults of collections, drafts by request."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction
from django.db.models import F, Value
from django.db.models.functions import Concat
from django.urls import reverse
from wagtail.models import Page

from spool_live import cache_tags
from spool_live.contrib.wagtail import (
    PageCollection,
    SnippetCollection,
    declarations,
    register_pages,
    register_snippets,
)
from spool_live.exceptions import SpoolLiveConfigurationError
from spool_live.models import OutboxEntry
from tests.contrib.wagtail.cms import Cms
from tests.contrib.wagtail.content.live import Articles
from tests.contrib.wagtail.content.models import ArticlePage, Author, EventPage, InternalPage
from tests.contrib.wagtail.tree import Tree


class TestTransaction:
    def test_edit_that_is_rolled_back_records_nothing(self, tree: Tree) -> None:
        revision = tree["storm"].save_revision()
        with transaction.atomic():
            revision.publish()
            tree["ferry"].move(tree["culture"], "last-child")
            tree["timetable"].delete()
            assert OutboxEntry.objects.count() == 4
            transaction.set_rollback(True)
        assert tree.recorded() == []

    def test_update_that_cannot_be_recorded_leaves_no_edit(
        self, tree: Tree, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*args: Any, **kwargs: Any) -> None:
            raise RuntimeError("disk full")

        revision = tree["storm"].save_revision()
        monkeypatch.setattr("spool_live.outbox.record", refuse)
        with pytest.raises(RuntimeError, match="disk full"), transaction.atomic():
            tree.base("storm").unpublish()
        monkeypatch.undo()
        assert tree["storm"].live
        revision.publish()
        assert tree.recorded() == ["updated articles storm"]


class TestFaults:
    @pytest.mark.parametrize("method", ["is_published", "is_visible", "get_slug", "is_relevant"])
    def test_method_that_raises_costs_no_edit(
        self, method: str, tree: Tree, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(self: Any, *args: Any) -> Any:
            raise LookupError(method)

        monkeypatch.setattr(Articles, method, fail)
        page = tree["storm"]
        page.title = "Gale"
        page.save_revision().publish()
        assert tree["storm"].title == "Gale"
        assert [line.partition(" articles")[0] for line in tree.recorded()] == ["updated"]

    @pytest.mark.parametrize("method", ["get_metadata", "get_locale"])
    def test_metadata_that_cannot_be_made_is_left_out(
        self, method: str, tree: Tree, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(self: Any, *args: Any) -> Any:
            raise LookupError(method)

        monkeypatch.setattr(Articles, method, fail)
        tree["storm"].unpublish()
        assert tree.recorded() == ["updated articles storm published=False"]

    def test_url_that_cannot_be_made_is_the_path_below_the_root(
        self, tree: Tree, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(self: Any, *args: Any, **kwargs: Any) -> Any:
            raise LookupError

        monkeypatch.setattr(ArticlePage, "get_url_parts", fail)
        tree.base("storm").unpublish()
        assert OutboxEntry.objects.get().metadata["path"] == "/news/storm/"

    def test_expression_is_read_back(self, tree: Tree) -> None:
        page = tree["storm"]
        page.teaser = Concat(F("teaser"), Value("!"))
        page.save(clean=False)
        assert OutboxEntry.objects.get().metadata["teaser"] == "It blows!"


class TestDrafts:
    @pytest.fixture(autouse=True)
    def _wanted(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Articles, "drafts", True)

    def test_draft_of_a_live_page(self, tree: Tree) -> None:
        page = tree["storm"]
        page.save_revision()
        assert tree.recorded() == ["updated articles storm draft=True"]
        page.get_latest_revision().publish()
        assert tree.recorded() == ["updated articles storm"]

    def test_page_that_is_not_live(self, tree: Tree) -> None:
        tree["news"].add_child(instance=ArticlePage(title="Tide", slug="tide", live=False))
        assert tree.recorded() == ["created articles tide"]
        page = ArticlePage.objects.get(slug="tide")
        page.save_revision().publish()
        assert tree.recorded() == [
            "updated articles tide draft=True",
            "published articles tide",
        ]
        page.delete()
        assert tree.recorded() == ["deleted articles tide"]

    def test_lock_is_no_draft(self, tree: Tree) -> None:
        page = tree["storm"]
        page.locked = True
        page.save(update_fields=["locked"])
        assert tree.recorded() == []


class TestDeclarations:
    def test_page_belongs_to_its_nearest_type(self, tree: Tree) -> None:
        tree["news"].add_child(instance=EventPage(title="Regatta", slug="regatta"))
        tree["news"].add_child(instance=InternalPage(title="Staff", slug="staff"))
        assert tree.recorded() == ["published articles regatta"]

    def test_all_pages(self, tree: Tree) -> None:
        @register_pages()
        class Everything(PageCollection):
            metadata_fields = ("slug", "venue")

        try:
            tree["internal"].save_revision().publish()
            tree["storm"].save_revision().publish()
            assert tree.recorded() == ["updated pages internal", "updated articles storm"]
            tree["internal"].unpublish()
            metadata = OutboxEntry.objects.get().metadata
            assert metadata["slug"] == "internal"
            assert "venue" not in metadata
        finally:
            declarations.forget(Everything)
        tree.forget()
        tree["internal"].save_revision().publish()
        assert tree.recorded() == []

    def test_restricted_pages_by_request(self, tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Articles, "private", True)
        Cms(tree.user).restrict(tree["storm"], "login")
        assert tree.recorded() == []
        tree["storm"].save_revision().publish()
        assert tree.recorded() == ["updated articles storm"]

    def test_watched_fields(self, tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Articles, "watched_fields", ("teaser",))
        page = tree["storm"]
        page.title = "Gale"
        page.save_revision().publish()
        assert tree.recorded() == []
        page.teaser = "It blows still"
        page.save_revision().publish()
        assert tree.recorded() == ["updated articles storm"]

    def test_cache_tags(self, tree: Tree) -> None:
        tags = cache_tags(tree["storm"])
        assert tags[0] == "articles"
        assert "articles:storm" in tags

    @pytest.mark.parametrize(
        ("decorate", "declared", "message"),
        [
            (lambda: register_pages(ArticlePage), PageCollection, "already registered"),
            (lambda: register_pages(Author), PageCollection, "not a page type"),
            (lambda: register_snippets(Author), SnippetCollection, "already registered"),
            (lambda: register_snippets(ArticlePage), SnippetCollection, "use register_pages"),
            (
                lambda: register_pages(EventPage),
                type("C", (PageCollection,), {"name": "articles"}),
                "same name",
            ),
        ],
    )
    def test_refuses(self, decorate: Any, declared: Any, message: str) -> None:
        with pytest.raises(SpoolLiveConfigurationError, match=message):
            decorate()(declared)


class TestAutosave:
    def test_through_the_editors_own_request(self, tree: Tree) -> None:
        cms, page = Cms(tree.user), tree["storm"]
        sent = cms.form("wagtailadmin_pages:edit", page.pk)
        for number in range(2):
            answer = cms.client.post(
                reverse("wagtailadmin_pages:edit", args=[page.pk]),
                {**sent, "title": f"Storm {number}"},
                headers={"accept": "application/json"},
            )
            assert answer.status_code < 400, answer.content
            sent["overwrite_revision_id"] = answer.json()["revision_id"]
        assert tree["storm"].get_latest_revision().content["title"] == "Storm 1"
        assert tree.recorded() == []


def test_as_wagtails_own_base_class_saves_it(tree: Tree) -> None:
    page = Page.objects.get(slug="storm")
    page.title = "Gale"
    page.save()
    entry = OutboxEntry.objects.get()
    assert entry.collection == "articles"
    assert entry.metadata["title"] == "Gale"
    assert entry.metadata["teaser"] == "It blows"
