"""Items follow what leads to their site."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from spool_live.capture.audit import audit
from spool_live.models import Site
from tests.capture.conftest import Recording, RegisterModel, item_id
from tests.capture.triggering import declared
from tests.testapp.models import Contribution, Dossier, Section, Snippet, Tag

pytestmark = pytest.mark.django_db


@pytest.fixture
def section(site: Site) -> Section:
    made = Section.objects.create(site=site, name="x")
    for n in range(3):
        Snippet.objects.create(section=made, text=str(n))
    return made


def test_section_that_moves_takes_its_items_along(
    section: Section, site: Site, other_site: Site, recorded: Recording
) -> None:
    recorded()
    section.site = other_site
    section.save()
    items = [item_id(snippet) for snippet in Snippet.objects.order_by("pk")]
    found = recorded()
    assert [(e.event, e.site) for e in found] == [
        ("deleted", site),
        ("created", other_site),
    ] * 3
    assert [e.item_id for e in found][::2] == items
    assert list(audit("default")) == []


@pytest.mark.parametrize("fields", [["name"], ["site"], ["site_id"], None])
def test_only_a_save_that_writes_the_way_is_compared(
    fields: list[str] | None, section: Section, other_site: Site, recorded: Recording
) -> None:
    recorded()
    section.site = other_site
    with CaptureQueriesContext(connection) as queries:
        section.save(update_fields=fields)
    words = [query["sql"].partition(" ")[0] for query in queries.captured_queries]
    moved = fields != ["name"]
    assert len(recorded()) == (6 if moved else 0)
    assert (words == ["UPDATE"]) is not moved


def test_section_that_stays_costs_one_select(section: Section) -> None:
    with CaptureQueriesContext(connection) as queries:
        section.save()
    words = [query["sql"].partition(" ")[0] for query in queries.captured_queries]
    assert words == ["SELECT", "UPDATE"]


def test_new_section_has_no_items(site: Site, recorded: Recording) -> None:
    with CaptureQueriesContext(connection) as queries:
        Section.objects.create(site=site, name="x")
    assert len(queries.captured_queries) == 1
    assert recorded() == []


def test_no_more_than_the_limit_follow(
    section: Section,
    other_site: Site,
    recorded: Recording,
    register_model: RegisterModel,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with declared(Snippet, site_field="section.site", most_moved=2):
        recorded()
        section.site = other_site
        section.save()
        assert len(recorded()) == 4
        assert "more than 2 items" in caplog.text
        assert "live_audit --repair" in caplog.text
        assert len(list(audit("default"))) == 2  # created there, moved from here
        caplog.clear()
        section.site = Site.objects.exclude(pk=other_site.pk).get()
        Snippet.objects.last().delete()  # type: ignore[union-attr]
        section.save()
        assert "more than" not in caplog.text


def test_through_two_objects_and_to_no_site(
    site: Site, other_site: Site, recorded: Recording
) -> None:
    here, there = (Dossier.objects.create(site=s, title="x") for s in (site, other_site))
    part = Contribution.objects.create(dossier=here, person=Tag.objects.create(name="x"))

    body: dict[str, Any] = {"site_field": "dossier.site"}
    with declared(Contribution, **body):
        recorded()
        here.site = other_site
        here.save()
        assert [(e.event, e.site) for e in recorded() if e.collection == "contributions"] == [
            ("deleted", site),
            ("created", other_site),
        ]
        part.dossier = there
        part.save()
        assert [(e.event, e.site) for e in recorded()] == [("updated", other_site)]


def test_value_that_the_database_computes(
    section: Section, site: Site, other_site: Site, recorded: Recording
) -> None:
    model = Section.objects.create(site=other_site, name="model")
    recorded()
    section.site_id = Section.objects.filter(pk=model.pk).values("site")[:1]  # type: ignore[assignment]
    section.save()
    assert [e.event for e in recorded()] == ["deleted", "created"] * 3
    section.refresh_from_db()
    section.name = F("name")
    section.save()
    assert recorded() == []
