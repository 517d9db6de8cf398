"""Children, parents and proxies; other aliases; fixtures; transactions of the caller."""

from __future__ import annotations

from typing import Any

import pytest
from django.core import serializers
from django.core.management import call_command
from django.db import transaction

from spool_live.models import Site
from tests.capture.conftest import Recording, RegisterModel, item_id, rolled_back
from tests.testapp.models import (
    Article,
    ArticleProxy,
    LandingPage,
    Note,
    Page,
)

pytestmark = pytest.mark.django_db


class TestInheritance:
    def test_child_is_recorded_in_its_parents_collection_under_its_identity(
        self, site: Site, recorded: Recording
    ) -> None:
        landing = LandingPage.objects.create(site=site, title="x", hero="y")
        page: Page = landing.page_ptr  # type: ignore[attr-defined]  # the plugin does not know it
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

    def test_child_with_a_collection_of_its_own_is_recorded_in_both(
        self, site: Site, recorded: Recording, register_model: RegisterModel
    ) -> None:
        register_model(LandingPage, name="landing", is_published=lambda self, item: bool(item.hero))
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
    """``loaddata`` copies content, which is not an edit."""

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
