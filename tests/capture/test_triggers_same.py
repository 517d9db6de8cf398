"""The same edits under signals and under triggers: the same updates in the same order."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from operator import itemgetter
from typing import Any

import pytest
from django.db.models import F, QuerySet, Value
from django.db.models.functions import Concat

from spool_live import LiveQuerySet
from spool_live.models import OutboxEntry, Site
from tests.capture.conftest import rolled_back
from tests.capture.triggering import captured_by, on_postgresql
from tests.testapp.models import (
    Article,
    Contribution,
    Dossier,
    LandingPage,
    Note,
    Page,
    Product,
    Tag,
)

pytestmark = [on_postgresql, pytest.mark.django_db]
Scenario = Callable[[Site, Site], None]
KEYS = [uuid.UUID(int=n, version=4) for n in range(1, 9)]


def live(model: type[Any]) -> QuerySet[Any]:
    return LiveQuerySet(model)


def article(site: Site, n: int = 0, **values: Any) -> Article:
    defaults = {"title": f"A{n}", "slug": f"a-{n}"}
    return Article.objects.create(id=KEYS[n], site=site, **{**defaults, **values})


def a_life(site: Site, other: Site) -> None:
    item = article(site)
    item.body = "text"
    item.save()
    item.slug, item.status = "b", "published"
    item.save()
    item.save(update_fields=["body"])
    item.title, item.slug = "not saved", "nor this"
    item.save(update_fields=["status"])
    item = Article.objects.get()
    item.status = "draft"
    item.save()
    item.save()
    item.delete()


def born_published_and_renamed(site: Site, other: Site) -> None:
    item = article(site, status="published")
    item.slug, item.status = "b", "draft"
    item.save()
    item.slug = ""
    item.save()
    item.slug = "c"
    item.save()


def moves(site: Site, other: Site) -> None:
    item = article(site, status="published")
    item.site, item.slug = other, "there"
    item.save()
    item.site = site
    item.save(update_fields=["site"])
    good = Product.objects.create(id=1, sku="x")
    for tenant in (site.pk, other.pk, None, site.pk):
        good.tenant = tenant
        good.save()
    good.delete()


def upserts(site: Site, other: Site) -> None:
    Article.objects.update_or_create(id=KEYS[0], defaults={"site": site, "title": "a"})
    Article.objects.update_or_create(id=KEYS[0], defaults={"title": "b"})
    Article.objects.get_or_create(id=KEYS[0], defaults={"title": "c"})
    Article(id=KEYS[0], site=site, title="forced").save(force_update=True)


def by_query_sets(site: Site, other: Site) -> None:
    live(Article).bulk_create(Article(id=k, site=site, title=str(k), slug="s") for k in KEYS)
    live(Article).filter(id__in=KEYS[:2]).update(status="published")
    live(Article).update(slug=Concat(F("slug"), Value("-2")))
    some = list(Article.objects.filter(id__in=KEYS[2:4]).order_by("id"))
    some[0].title, some[1].site = "new", other
    live(Article).bulk_update(some, ["title", "site"])
    live(Article).bulk_create(
        [Article(id=k, site=site, title="again") for k in KEYS[4:6]],
        update_conflicts=True,
        update_fields=["title"],
        unique_fields=["id"],
    )
    live(Article).bulk_create([Article(id=KEYS[0], site=site)], ignore_conflicts=True)


def deletions(site: Site, other: Site) -> None:
    for n in range(4):
        article(site, n)
    Article.objects.get(id=KEYS[0]).delete()
    Article.objects.filter(id=KEYS[1]).delete()
    live(Article).filter(id=KEYS[2]).delete()
    site.delete()


def keys_and_columns_of_other_kinds(site: Site, other: Site) -> None:
    note = Note.objects.create(id=41, site=site, text='"quoted" {braces} %s \\ ü')
    note.site = other
    note.save()
    note.delete()


def site_by_a_dotted_path(site: Site, other: Site) -> None:
    here, there = (Dossier.objects.create(site=s, title="x") for s in (site, other))
    person = Tag.objects.create(name="x")
    for pk in (1, 2):
        part = Contribution.objects.create(id=pk, dossier=here, person=person)
        part.role = "editor"
        part.save()
        part.dossier = there
        part.save(update_fields=["dossier"])
    part.delete()
    there.delete()


def drafts_left_out(site: Site, other: Site) -> None:
    item = Dossier.objects.create(id=1, site=site, title="x")
    for public in (False, True, True, False, True):
        item.public = public
        item.save()
    item.site, item.public = other, False
    item.save()
    item.delete()


def inheritance(site: Site, other: Site) -> None:
    landing = LandingPage.objects.create(id=1, site=site, title="x", hero="y")
    landing.hero = "z"
    landing.save()
    page = Page.objects.get()
    page.title = "changed"
    page.save()
    LandingPage.objects.get().delete()


def relations(site: Site, other: Site) -> None:
    first, second = article(site), article(site, 1)
    tags = [Tag.objects.create(name=str(n)) for n in range(2)]
    first.tags.add(*tags)
    tags[0].articles.set([second])
    first.related.add(second)
    first.tags.clear()
    first.delete()


SCENARIOS = [
    a_life,
    born_published_and_renamed,
    moves,
    upserts,
    deletions,
    keys_and_columns_of_other_kinds,
    site_by_a_dotted_path,
    drafts_left_out,
    inheritance,
    relations,
]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_same_updates_in_the_same_order(scenario: Scenario) -> None:
    ids = [uuid.uuid4(), uuid.uuid4()]
    signals, triggers = (recorded_by(capture, scenario, ids) for capture in ("signals", "trigger"))
    assert signals
    assert triggers == signals


def test_same_updates_of_each_item_by_query_sets() -> None:
    """PostgreSQL changes the rows of one statement in an order of its own."""
    ids = [uuid.uuid4(), uuid.uuid4()]
    signals, triggers = (recorded_by(c, by_query_sets, ids) for c in ("signals", "trigger"))
    assert len(signals) == 23
    assert sorted(triggers, key=itemgetter(3)) == sorted(signals, key=itemgetter(3))


def recorded_by(capture: str, scenario: Scenario, ids: list[uuid.UUID]) -> list[tuple[Any, ...]]:
    columns = ("event_type", "site_id", "collection", "item_id", "slug", "metadata", "state")
    with rolled_back(), captured_by(capture):
        scenario(*(Site.objects.create(id=pk, name="Courier") for pk in ids))
        return list(OutboxEntry.objects.order_by("pk").values_list(*columns))
