"""What a save costs in statements: the currency is round trips."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

import django
import pytest
from django.db import connection
from django.db.models import F
from django.db.models.functions import Lower
from django.test.utils import CaptureQueriesContext

from spool_live.models import Site
from tests.capture.triggering import declared
from tests.testapp.models import (
    Article,
    Dossier,
    LandingPage,
    Note,
    Section,
    Snippet,
    Status,
    Story,
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


class TestReadBack:
    """One SELECT more, only where the object does not hold what is stored."""

    @pytest.mark.parametrize(
        ("body", "values", "reads"),
        [
            ({"metadata_fields": ("title",)}, {"title": "x"}, False),
            ({"metadata_fields": ("title",)}, {"title": Lower("title")}, django.VERSION < (6, 0)),
            ({"metadata_fields": ("title",)}, {"views": F("views") + 1}, False),
            ({"metadata_fields": ("title",)}, {"code": "MiXeD"}, False),
            ({"metadata_fields": ("code",)}, {"code": "MiXeD"}, True),
            ({"metadata_fields": ("price",)}, {"price": Decimal("1.50")}, False),
            ({"metadata_fields": ("price",)}, {"price": Decimal("1.5")}, True),
            ({"metadata_fields": ("day",)}, {"day": datetime.date(2026, 1, 2)}, False),
            ({"metadata_fields": ("day",)}, {"day": "2026-01-02"}, True),
            ({"metadata_fields": ("status",)}, {"status": Status.PUBLISHED}, False),
            ({"metadata_fields": ("is_live",)}, {"title": "x"}, django.VERSION < (6, 0)),
        ],
    )
    def test_save(
        self, body: dict[str, Any], values: dict[str, Any], reads: bool, site: Site
    ) -> None:
        with declared(Story, **body):
            story = Story.objects.create(site=site)
            story.refresh_from_db()
            for name, value in values.items():
                setattr(story, name, value)
            with CaptureQueriesContext(connection) as queries:
                story.save()
        selects = ["SELECT"] if reads else []
        assert statements(queries) == ["UPDATE", *selects, "INSERT"]

    @pytest.mark.parametrize(
        ("fields", "reads"),
        [(["title"], False), (["title", "views"], False), (["views"], True)],
    )
    def test_save_of_some_fields(self, fields: list[str], reads: bool, site: Site) -> None:
        """What was not saved is not known: the object may hold something else."""
        with declared(Story, metadata_fields=("title",)):
            story = Story.objects.create(site=site)
            with CaptureQueriesContext(connection) as queries:
                story.save(update_fields=fields)
        selects = ["SELECT"] if reads else []
        assert statements(queries) == ["UPDATE", *selects, "INSERT"]
