"""Moves: an item that changes its site is deleted on the old one and created on the new one."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from spool_live.capture import connect_all, stored
from spool_live.capture.plan import CapturePlan
from spool_live.models import Site
from tests.capture.conftest import Recording, RegisterModel, rolled_back
from tests.testapp.models import (
    Article,
    Note,
    Product,
    Section,
    Snippet,
)

pytestmark = pytest.mark.django_db


def statements(queries: CaptureQueriesContext) -> list[str]:
    """The first word of each statement, and the table it is about."""
    return [query["sql"].partition(" ")[0] for query in queries.captured_queries]


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
        product.tenant = str(site.pk)
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

    def test_where_the_site_is_a_property(
        self, site: Site, other_site: Site, recorded: Recording, register_model: RegisterModel
    ) -> None:
        section = Section.objects.create(site=site, name="x")
        register_model(Section, get_site=lambda self, item: Site(id=item.site_id))
        section.site = other_site
        section.save()
        assert [(e.event, e.site) for e in recorded()] == [
            ("deleted", site),
            ("created", other_site),
        ]


class TestKeptSelect:
    """The SELECT of the stored row is built at the first save, then only its key changes."""

    @pytest.fixture
    def built(self, monkeypatch: pytest.MonkeyPatch) -> list[type]:
        built: list[type] = []
        build = stored._rows

        def count(plan: CapturePlan, model: type, using: str, lock: bool) -> Any:
            built.append(model)
            return build(plan, model, using, lock)

        monkeypatch.setattr(stored, "_rows", count)
        connect_all()  # plans that have built nothing yet
        return built

    def test_each_item_is_compared_with_its_own_row(
        self, site: Site, recorded: Recording, built: list[type]
    ) -> None:
        made = [Article.objects.create(site=site, slug=str(n)) for n in range(3)]
        recorded()
        for article in made:
            article.slug += "-new"
            article.save()
        assert [r.metadata["previous_slug"] for r in recorded()] == ["0", "1", "2"]
        assert built == [Article]

    def test_row_is_locked(self, site: Site) -> None:
        article = Article.objects.create(site=site)
        for _ in range(2):
            with CaptureQueriesContext(connection) as queries:
                article.save()
            select = queries.captured_queries[0]["sql"]
            assert ("FOR " in select) == connection.features.has_select_for_update

    def test_row_behind_a_relation_is_read_with_it(
        self, site: Site, recorded: Recording, built: list[type]
    ) -> None:
        section = Section.objects.create(site=site, name="x")
        snippet = Snippet.objects.create(section=section, text="x")
        for _ in range(2):
            with CaptureQueriesContext(connection) as queries:
                snippet.save()
            assert statements(queries) == ["SELECT", "UPDATE", "INSERT"]
        assert built.count(Snippet) >= 2  # its SELECT is Django's each time
