"""Changed many-to-many relations are updates of the registered items on either side."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from spool_live.models import Site
from tests.capture.conftest import Recording, RegisterModel
from tests.testapp.models import Article, Contribution, Dossier, LandingPage, Page, Section, Tag

pytestmark = pytest.mark.django_db


@pytest.fixture
def article(site: Site) -> Article:
    return Article.objects.create(site=site, slug="x", status="published")


@pytest.fixture
def tag(db: None) -> Tag:
    return Tag.objects.create(name="x")


Edit = Callable[[Article, Tag], object]


@pytest.mark.parametrize(
    ("edit", "events"),
    [
        pytest.param(lambda a, t: a.tags.add(t), 1, id="add"),
        pytest.param(lambda a, t: a.tags.create(name="y"), 1, id="create"),
        pytest.param(lambda a, t: a.tags.set([t]), 1, id="set"),
        pytest.param(lambda a, t: a.tags.set([]), 0, id="set nothing where nothing was"),
        pytest.param(lambda a, t: t.articles.add(a), 1, id="add from the other side"),
        pytest.param(lambda a, t: t.articles.set([a]), 1, id="set from the other side"),
        pytest.param(lambda a, t: t.articles.clear(), 0, id="clear nothing from the other side"),
    ],
)
def test_item_without_relations(
    edit: Edit, events: int, article: Article, tag: Tag, recorded: Recording
) -> None:
    recorded()
    edit(article, tag)
    assert [(e.event, e.item_id, e.slug) for e in recorded()] == [
        ("updated", article.pk, "x")
    ] * events


@pytest.mark.parametrize(
    ("edit", "events"),
    [
        pytest.param(lambda a, t: a.tags.add(t), 0, id="add what is there"),
        pytest.param(lambda a, t: a.tags.remove(t), 1, id="remove"),
        pytest.param(lambda a, t: a.tags.clear(), 1, id="clear"),
        pytest.param(lambda a, t: a.tags.set([]), 1, id="set nothing"),
        pytest.param(lambda a, t: a.tags.set([t]), 0, id="set the same"),
        pytest.param(lambda a, t: a.tags.set([t], clear=True), 2, id="set by clearing"),
        pytest.param(lambda a, t: t.articles.remove(a), 1, id="remove from the other side"),
        pytest.param(lambda a, t: t.articles.clear(), 1, id="clear from the other side"),
        pytest.param(lambda a, t: t.articles.set([]), 1, id="set nothing from the other side"),
        pytest.param(lambda a, t: t.articles.add(a), 0, id="add from the other side what is there"),
    ],
)
def test_item_with_a_relation(
    edit: Edit, events: int, article: Article, tag: Tag, recorded: Recording
) -> None:
    article.tags.add(tag)
    recorded()
    edit(article, tag)
    assert [(e.event, e.item_id) for e in recorded()] == [("updated", article.pk)] * events


def test_other_side_names_every_item(site: Site, tag: Tag, recorded: Recording) -> None:
    articles = [Article.objects.create(site=site) for _ in range(3)]
    recorded()
    tag.articles.add(*articles)
    tag.articles.clear()
    names = [entry.item_id for entry in recorded()]
    expected = {article.pk for article in articles}
    assert len(names) == 6
    assert set(names[:3]) == set(names[3:]) == expected


def test_symmetrical_relation_changes_both_items(site: Site, recorded: Recording) -> None:
    one, two = (Article.objects.create(site=site) for _ in range(2))
    recorded()
    edits: tuple[Callable[[], None], ...] = (
        lambda: one.related.add(two),
        lambda: one.related.remove(two),
        lambda: two.related.set([one]),
        one.related.clear,
    )
    for edit in edits:
        edit()
        assert {e.item_id for e in recorded()} == {one.pk, two.pk}
    one.related.add(one)
    assert [e.item_id for e in recorded()] == [one.pk]


def test_one_way_relation_to_self_changes_the_item_that_refers(
    site: Site, recorded: Recording
) -> None:
    one, two = (Article.objects.create(site=site) for _ in range(2))
    recorded()
    edits: tuple[Callable[[], None], ...] = (
        lambda: one.sources.add(two),
        two.cited_by.clear,
        lambda: two.cited_by.add(one),
        one.sources.clear,
    )
    for edit in edits:
        edit()
        assert [e.item_id for e in recorded()] == [one.pk]


def test_through_model(site: Site, tag: Tag, recorded: Recording) -> None:
    dossier = Dossier.objects.create(site=site, title="x", public=True)
    recorded()
    dossier.people.add(tag, through_defaults={"role": "editor"})
    dossier.people.clear()
    assert recorded.events() == [("updated", "dossiers")] * 2
    Contribution.objects.create(person=tag, dossier=dossier)
    assert recorded() == [], "Django signals the through model's row only"


def test_item_that_is_left_out(site: Site, tag: Tag, recorded: Recording) -> None:
    Dossier.objects.create(site=site, title="x").people.add(tag)
    assert recorded() == []


def test_only_the_relations_that_the_collection_names(
    site: Site, tag: Tag, recorded: Recording, register_model: RegisterModel
) -> None:
    register_model(Section, m2m_fields=())
    section = Section.objects.create(site=site, name="x")
    page = LandingPage.objects.create(site=site, title="x", hero="y")
    recorded()
    page.teasers.add(section)
    page.tags.add(tag)
    assert recorded.events() == [("updated", "pages")] * 2


def test_relations_of_parent_and_child_with_a_collection_each(
    site: Site, tag: Tag, recorded: Recording, register_model: RegisterModel
) -> None:
    register_model(LandingPage, name="landing")
    page = Page.objects.create(site=site, title="x")
    landing = LandingPage.objects.create(site=site, title="x", hero="y")
    recorded()
    page.tags.add(tag)
    assert recorded.events() == [("updated", "pages")]
    landing.tags.add(tag)
    assert sorted(recorded.events()) == [("updated", "landing"), ("updated", "pages")]
    tag.pages.clear()
    assert sorted(recorded.events()) == [
        ("updated", "landing"),
        ("updated", "pages"),
        ("updated", "pages"),
    ]


def test_costs_one_insert(article: Article, tag: Tag) -> None:
    with CaptureQueriesContext(connection) as queries:
        article.tags.add(tag)
    ours = [q["sql"] for q in queries.captured_queries if "live_updates_outbox" in q["sql"]]
    assert len(ours) == 1
    assert len(queries) == 3
