"""A single-site project: items without a site belong to the one of ``SPOOL_LIVE["SITE"]``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from spool_live import checks
from spool_live.collections import one_site
from spool_live.models import Site
from tests.capture.conftest import Recording, RegisterModel
from tests.capture.triggering import declared, on_postgresql
from tests.testapp.models import Article, Tag

pytestmark = pytest.mark.django_db

Live = Callable[..., None]


@pytest.fixture(params=["name", "id", "uuid"])
def one(request: pytest.FixtureRequest, live: Live, site: Site) -> Site:
    """The site, and the setting that names it."""
    named: Any = {"name": site.name, "id": str(site.pk), "uuid": site.pk}[request.param]
    live(SITE=named)
    return site


def test_items_belong_to_it(one: Site, register_model: RegisterModel, recorded: Recording) -> None:
    register_model(Tag, name="tags")
    tag = Tag.objects.create(name="a")
    tag.name = "b"
    tag.save()
    Tag.objects.get().save()
    tag.delete()
    found = recorded()
    assert [r.event for r in found] == ["created", "updated", "updated", "deleted"]
    assert {r.site for r in found} == {one}
    assert checks.check_collections(None) == []
    assert checks.check_site(None, databases=["default"]) == []


def test_it_costs_the_insert_alone(one: Site, register_model: RegisterModel) -> None:
    register_model(Tag, name="tags", metadata_fields=("name",))
    tag = Tag.objects.create(name="a")
    with CaptureQueriesContext(connection) as queries:
        tag.save()
    assert len(queries) == 2  # UPDATE, INSERT


def test_model_that_says_its_site_itself(one: Site, other_site: Site, recorded: Recording) -> None:
    with declared(Article, name="articles"):
        Article.objects.create(site=other_site)
    assert [r.site for r in recorded()] == [other_site]


@pytest.mark.parametrize("named", ["Nowhere", "9f0c3d1e-7a4b-4c0d-9e57-0d6b1f2a8c11", "Twin"])
def test_site_that_is_not_there_is_w022(
    named: str, live: Live, register_model: RegisterModel, recorded: Recording
) -> None:
    for _ in range(2):
        Site.objects.create(name="Twin")
    live(SITE=named)
    (message,) = checks.check_site(None, databases=["default"])
    assert (message.id, named in message.msg) == ("spool_live.W022", True)


def test_save_is_not_broken_where_there_is_no_site(
    live: Live, register_model: RegisterModel, recorded: Recording, caplog: pytest.LogCaptureFixture
) -> None:
    live(SITE="Nowhere")
    register_model(Tag, name="tags")
    tag = Tag.objects.create(name="a")
    assert recorded() == []
    assert "no site has this name" in caplog.text
    made = Site.objects.create(name="Nowhere")
    tag.save()
    assert [r.site for r in recorded()] == [made]


def test_name_is_looked_up_again(
    live: Live, site: Site, register_model: RegisterModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process may have renamed the site meanwhile."""
    live(SITE="Courier")
    assert one_site.site_id("default") == site.pk
    Site.objects.filter(pk=site.pk).update(name="Herald")
    other = Site(name="Courier")
    Site.objects.bulk_create([other])
    assert one_site.site_id("default") == site.pk
    monkeypatch.setattr(one_site, "KNOWN_FOR", -1.0)
    assert one_site.site_id("default") == other.pk


@on_postgresql
def test_trigger_needs_the_id(live: Live, site: Site) -> None:
    live(SITE="Courier")
    with declared(Tag, name="tags", capture="trigger"):
        (message,) = checks.check_collections(None)
    assert "is a name" in message.msg


@on_postgresql
def test_triggers_record_for_it(live: Live, site: Site, recorded: Recording) -> None:
    from spool_live.capture import triggers

    live(SITE=site.pk)
    with declared(Tag, name="tags", capture="trigger"):
        triggers.install("default")
        Tag.objects.bulk_create([Tag(name="a")])
    assert [(r.event, r.site) for r in recorded()] == [("created", site)]
