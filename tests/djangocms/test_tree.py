"""The tree of pages, with versions and without: moves, order, the home page, deletions."""

from __future__ import annotations

import pytest
from cms.models import Page, PageContent

from spool_live.collections.django_sites import mapped
from spool_live.contrib.djangocms.collection import page_collection
from spool_live.models import OutboxEntry
from tests.djangocms import site
from tests.djangocms.conftest import Table

pytestmark = pytest.mark.django_db


@pytest.fixture
def pages(table: Table) -> dict[str, Page]:
    """``about`` with ``team`` and, below that, ``board``; ``news`` beside ``about``."""
    about = site.published("about")
    team = site.published("team", about)
    found = {"about": about, "team": team, "board": site.published("board", team)}
    found["news"] = site.published("news")
    table()
    return {slug: Page.objects.get(pk=page.pk) for slug, page in found.items()}


def test_moved(pages: dict[str, Page], table: Table) -> None:
    pages["team"].move_page(pages["news"], "last-child")
    assert table() == [
        "updated en:news/team previous_path=about/team",
        "updated en:news/team/board previous_path=about/team/board",
    ]
    entry = OutboxEntry.objects.latest("pk")
    assert (entry.site_id, entry.slug, entry.collection) == (mapped(1), "board", "pages")


def test_moved_with_more_below_than_are_recorded(
    pages: dict[str, Page], table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_collection(), "most_descendants", 0)
    pages["team"].move_page(pages["news"], "last-child")
    assert table() == ["updated en:news/team previous_path=about/team descendants=True"]


def test_reordered(pages: dict[str, Page], table: Table) -> None:
    pages["news"].move_page(pages["about"], "left")
    assert table() == ["updated en:news"]


def test_home(pages: dict[str, Page], table: Table) -> None:
    pages["news"].set_as_homepage(site.editor())
    assert table() == ["updated en: previous_path=news"]
    Page.objects.get(pk=pages["about"].pk).set_as_homepage(site.editor())
    assert sorted(table()) == [
        "updated en: previous_path=about",
        "updated en:news previous_path=",
        "updated en:team previous_path=about/team",
        "updated en:team/board previous_path=about/team/board",
    ]


def test_deleted(pages: dict[str, Page], table: Table) -> None:
    pages["team"].delete()
    assert table() == ["deleted en:about/team", "deleted en:about/team/board"]


def test_translation_deleted(pages: dict[str, Page], table: Table) -> None:
    site.translate(pages["about"], "ueber")
    table()
    pages["about"].delete_translations("de")
    assert table() == ["deleted de:ueber"]


def test_failed_operation_records_nothing(
    pages: dict[str, Page], table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Page, "clear_cache", lambda *args, **kwargs: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        pages["team"].move_page(pages["news"], "last-child")
    monkeypatch.undo()
    assert table() == []
    site.content(pages["about"]).save()
    assert table() == []


def test_collection_that_fails_costs_no_save(
    pages: dict[str, Page], table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(page_collection()), "get_metadata", lambda self, content: 1 / 0)
    pages["news"].move_page(pages["about"], "left")
    assert table() == ["updated en:news"]
    assert OutboxEntry.objects.latest("pk").metadata["invalid"] is True
    assert PageContent.admin_manager.filter(page=pages["news"]).exists()
