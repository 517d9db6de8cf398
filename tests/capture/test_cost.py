"""What a save costs in statements: the currency is round trips."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from spool_live.models import Site
from tests.testapp.models import (
    Article,
    Dossier,
    LandingPage,
    Note,
    Section,
    Snippet,
)

pytestmark = pytest.mark.django_db


def statements(queries: CaptureQueriesContext) -> list[str]:
    """The first word of each statement, and the table it is about."""
    return [query["sql"].partition(" ")[0] for query in queries.captured_queries]


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
        assert statements(queries) == ["DELETE", "INSERT"]

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
