from __future__ import annotations

import uuid
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import models
from django.db.models import Q
from django.test.utils import isolate_apps
from django.utils import translation
from django.utils.translation import gettext_lazy

from spool_live import LiveCollection, register, unregister
from spool_live.collections import ITEM_NAMESPACE, Registry, registry
from spool_live.exceptions import SpoolLiveConfigurationError
from spool_live.models import Site
from tests.testapp.models import (
    Article,
    ArticleProxy,
    LandingPage,
    Note,
    Page,
    Product,
    Section,
    Snippet,
    Unregistered,
)

SITE = uuid.UUID("0d4f6c1e-5a3b-4c2d-8e9f-7a6b5c4d3e2f")


class TestNaming:
    def test_default_is_the_plural_slugified(self) -> None:
        assert LiveCollection(LandingPage).name == "landing-pages"

    def test_own_name(self) -> None:
        assert type("C", (LiveCollection,), {"name": "goods"})(Product).name == "goods"

    @isolate_apps("tests.testapp")
    def test_plural_without_latin_letters_gives_way_to_the_class_name(self) -> None:
        class Story(models.Model):
            class Meta:
                app_label = "testapp"
                verbose_name_plural = "新聞"

        assert LiveCollection(Story).name == "story"

    @isolate_apps("tests.testapp")
    def test_plural_is_not_translated(self) -> None:
        class Account(models.Model):
            class Meta:
                app_label = "testapp"
                verbose_name_plural = gettext_lazy("users")

        with translation.override("de"):
            assert str(Account._meta.verbose_name_plural) == "Benutzer"
            assert LiveCollection(Account).name == "users"

    def test_repr_names_collection_and_model(self) -> None:
        assert repr(LiveCollection(Note)) == "<LiveCollection 'notes' of testapp.Note>"


class TestSiteOf:
    def site_id(self, item: Any, **body: Any) -> uuid.UUID | None:
        collection = type("C", (LiveCollection,), body)(type(item))
        site_id: uuid.UUID | None = collection.site_id_of(item)
        return site_id

    def test_column_without_a_query(self) -> None:
        assert self.site_id(Note(site_id=SITE)) == SITE

    @pytest.mark.parametrize("value", [SITE, str(SITE), SITE.hex, None])
    def test_id_in_whatever_form(self, value: Any) -> None:
        found = self.site_id(Product(tenant=value), site_field="tenant")
        assert found == (None if value is None else SITE)

    @pytest.mark.parametrize("key", [SITE, str(SITE)])
    def test_site_that_a_method_returns(self, key: Any) -> None:
        found = self.site_id(Note(), get_site=lambda self, item: Site(id=key))
        assert found == SITE
        assert isinstance(found, uuid.UUID)

    @pytest.mark.parametrize("path", ["section.site", "section.site_id", "section.site.pk"])
    def test_dotted_path(self, path: str) -> None:
        snippet = Snippet(section=Section(site=Site(id=SITE)))
        assert self.site_id(snippet, site_field=path) == SITE

    def test_dotted_path_that_ends_early(self) -> None:
        assert self.site_id(Snippet(section=None), site_field="section.site") is None

    @pytest.mark.django_db
    def test_dotted_path_to_a_row_that_is_gone(self) -> None:
        assert self.site_id(Snippet(section_id=404), site_field="section.site_id") is None

    def test_property(self) -> None:
        item = Note()
        item.owner = SITE  # type: ignore[attr-defined]
        assert self.site_id(item, site_field="owner") == SITE

    @pytest.mark.parametrize("value", ["seven", 7])
    def test_what_is_no_id_raises(self, value: Any) -> None:
        with pytest.raises(ValueError):
            self.site_id(Note(), get_site=lambda self, item: value)


class TestItemId:
    def test_uuid_key_as_it_is(self) -> None:
        key = uuid.uuid4()
        assert LiveCollection(Article).item_id_of(Article(pk=key)) == key
        assert LiveCollection(Article).item_id_of(Article(pk=str(key))) == key

    def test_other_key_as_a_stable_uuid5(self) -> None:
        expected = uuid.uuid5(ITEM_NAMESPACE, "testapp.note:7")
        assert LiveCollection(Note).item_id_of(Note(pk=7)) == expected
        assert LiveCollection(Note).item_id_of(Note(pk="7")) == expected
        assert expected == uuid.UUID("d34f5e0b-6ac5-5907-a2c4-3e1734934ef6")

    def test_child_goes_by_its_parents_model(self) -> None:
        pages = LiveCollection(Page)
        assert pages.item_id_of(LandingPage(pk=7)) == pages.item_id_of(Page(pk=7))

    def test_child_of_its_own_collection(self) -> None:
        expected = uuid.uuid5(ITEM_NAMESPACE, "testapp.landingpage:7")
        assert LiveCollection(LandingPage).item_id_of(LandingPage(pk=7)) == expected


class TestComparing:
    """A collection that needs the row as it was costs a query a save."""

    @pytest.mark.parametrize(
        ("model", "body", "column"),
        [
            pytest.param(Note, {}, "site_id", id="plain"),
            pytest.param(Product, {"site_field": "tenant"}, "tenant", id="site id column"),
            pytest.param(LandingPage, {}, "site_id", id="column of the parent"),
            pytest.param(
                Note, {"get_metadata": lambda self, item: {}}, "site_id", id="metadata only"
            ),
        ],
    )
    def test_not_needed(self, model: Any, body: dict[str, Any], column: str) -> None:
        collection = type("C", (LiveCollection,), body)(model)
        assert collection.compares_rows is False
        assert collection.site_column == column

    @pytest.mark.parametrize(
        ("model", "body"),
        [
            pytest.param(Article, {"slug_field": "slug"}, id="slug field"),
            pytest.param(Note, {"get_slug": lambda self, item: "x"}, id="slug method"),
            pytest.param(Note, {"is_published": lambda self, item: True}, id="publish state"),
            pytest.param(Note, {"announces": lambda self, item: True}, id="filter"),
            pytest.param(Note, {"get_site": lambda self, item: None}, id="site method"),
            pytest.param(Note, {"site_field": "owner"}, id="site property"),
            pytest.param(Snippet, {"site_field": "section.site_id"}, id="dotted path"),
        ],
    )
    def test_needed(self, model: Any, body: dict[str, Any]) -> None:
        assert type("C", (LiveCollection,), body)(model).compares_rows is True

    def test_publish_state_must_be_said(self) -> None:
        collection = LiveCollection(Note)
        assert collection.has_publish_state is False
        with pytest.raises(NotImplementedError):
            collection.is_published(Note())

    def test_defaults_of_the_rest(self) -> None:
        collection, item = LiveCollection(Note), SimpleNamespace()
        assert collection.get_slug(item) is None
        assert collection.get_metadata(item) == {}
        assert collection.announces(item) is True


class TestRegistry:
    @pytest.fixture
    def empty(self) -> Iterator[Registry]:
        yield Registry()
        from spool_live.capture import connect_all

        connect_all()

    def test_holds_the_collections_of_every_apps_live_module(self) -> None:
        assert Article in registry
        assert Unregistered not in registry
        assert [c.name for c in registry.of_model(Product)] == ["goods"]

    @pytest.mark.parametrize("model", [LandingPage, Page])
    def test_of_model_names_the_parents_too(self, model: Any, empty: Registry) -> None:
        pages = empty.register(Page, LiveCollection)
        assert empty.of_model(model) == [pages]
        landing = empty.register(LandingPage, LiveCollection)
        assert empty.of_model(LandingPage) == [pages, landing]
        assert empty.of_model(Page) == [pages]
        empty.unregister(Page)
        assert empty.of_model(LandingPage) == [landing]

    @pytest.mark.parametrize(
        ("model", "body", "message"),
        [
            pytest.param(ArticleProxy, {}, "register the concrete model", id="proxy"),
            pytest.param(Note, {}, "already registered", id="twice"),
            pytest.param(Page, {"name": "notes"}, "same name", id="name taken"),
            pytest.param(Page, {"name": "x" * 201}, "at most 200 characters", id="name too long"),
        ],
    )
    def test_refuses(self, model: Any, body: dict[str, Any], message: str, empty: Registry) -> None:
        empty.register(Note, LiveCollection)
        with pytest.raises(SpoolLiveConfigurationError, match=message):
            empty.register(model, type("C", (LiveCollection,), body))
        assert [c.name for c in empty] == ["notes"]

    @isolate_apps("tests.testapp")
    def test_refuses_an_abstract_model(self, empty: Registry) -> None:
        class Draft(models.Model):
            class Meta:
                app_label = "testapp"
                abstract = True

        with pytest.raises(SpoolLiveConfigurationError, match="abstract"):
            empty.register(Draft, LiveCollection)

    def test_decorator_returns_the_class(self) -> None:
        class Items(LiveCollection):
            pass

        try:
            assert register(Unregistered)(Items) is Items
            assert Unregistered in registry
        finally:
            unregister(Unregistered)
        assert Unregistered not in registry

    def test_attached_collection_is_declared_but_of_no_model(self, empty: Registry) -> None:
        registered = empty.register(Note, LiveCollection)
        attached = LiveCollection(Page)
        empty.attach(attached)
        assert empty.declared() == (registered, attached)
        assert list(empty) == [registered]
        assert empty.of_model(Page) == []
        with pytest.raises(SpoolLiveConfigurationError, match="same name"):
            empty.register(Page, LiveCollection)
        empty.detach(attached)
        assert empty.declared() == (registered,)

    def test_unregister_of_what_is_not_registered(self) -> None:
        with pytest.raises(KeyError):
            unregister(Unregistered)


class TestEarlierNames:
    """``announces`` and ``announced_when`` work until 1.0."""

    def test_condition(self) -> None:
        shown = Q(status="published")
        for name in ("announced_when", "visible_when"):
            collection = type("C", (LiveCollection,), {name: shown})(Article)
            assert collection.visible_when is collection.announced_when is shown
            assert collection.is_visible(Article(status="published"))
            assert not collection.announces(Article(status="draft"))

    def test_method(self) -> None:
        class Early(LiveCollection):
            def announces(self, item: Any) -> bool:
                return False

        class Late(Early):
            def is_visible(self, item: Any) -> bool:
                return not super().announces(item)

        class Again(Late):
            def announces(self, item: Any) -> bool:
                return super().is_visible(item)

        assert not Early(Note).is_visible(Note())
        assert Late(Note).announces(Note())
        assert Again(Note).is_visible(Note())
        assert Again(Note).compares_rows

    def test_method_of_a_mixin(self) -> None:
        class Mixin:
            def announces(self, item: Any) -> bool:
                return False

        assert not type("C", (Mixin, LiveCollection), {})(Note).is_visible(Note())
