"""The table of events, with djangocms-versioning: what is not published is not recorded."""

from __future__ import annotations

import pytest
from cms.models import Page, PageContent
from django.conf import settings
from django.test import Client

from spool_live.models import OutboxEntry
from tests.djangocms import site
from tests.djangocms.conftest import Table

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(not settings.VERSIONING, reason="is about versions"),
]

CLEARS_PATHS = hasattr(PageContent, "slug")
"""Since 5.1 slugs are drafts until they are published, and nobody reaches what is below a page that
was unpublished."""
UNPUBLISHED = (
    ["updated en:None published=False"] * 3
    if CLEARS_PATHS
    else ["updated en:about published=False"]
)


@pytest.fixture
def about(table: Table) -> Page:
    """``about`` with ``team`` and, below that, ``board``."""
    about = site.published("about")
    site.published("board", site.published("team", about))
    table()
    return about


def draft(page: Page) -> Page:
    """Begins a new version of ``page``."""
    site.version(page).copy(site.editor())
    return page


def test_created_edited_and_published(table: Table) -> None:
    page = site.create("about")
    words = site.add_text(page)
    words.text = "other words"
    words.save()
    words.delete()
    assert table() == []
    site.publish(page)
    assert table() == ["published en:about"]


def test_new_version(about: Page, table: Table) -> None:
    draft(about)
    edited = site.content(about)
    edited.title = "About us"
    edited.save()
    site.add_text(about)
    assert table() == []
    site.publish(about)
    assert table() == ["updated en:about"]
    assert OutboxEntry.objects.latest("pk").metadata["title"] == "About us"
    of_page = OutboxEntry.objects.filter(metadata__page=about.pk)
    assert of_page.values("item_id").distinct().count() == 1


def test_archived_draft(about: Page, table: Table) -> None:
    site.version(draft(about)).archive(site.editor())
    assert table() == []


def test_discarded_draft(about: Page, table: Table) -> None:
    site.version(draft(about)).delete()
    assert table() == []


def test_unpublished_and_published_again(about: Page, table: Table) -> None:
    site.version(about).unpublish(site.editor())
    assert table() == UNPUBLISHED
    draft(about)
    assert table() == []
    site.publish(about)
    below = ["published en:about/team", "published en:about/team/board"]
    assert table() == ["published en:about", *(below if CLEARS_PATHS else [])]


@pytest.mark.skipif(not CLEARS_PATHS, reason="slugs of drafts came with 5.1")
def test_new_slug_of_a_parent(about: Page, table: Table) -> None:
    draft(about)
    edited = site.content(about)
    edited.slug = "who"
    edited.save()
    assert table() == []
    site.publish(about)
    assert table() == [
        "updated en:who previous_slug=about previous_path=about",
        "updated en:who/team previous_path=about/team",
        "updated en:who/team/board previous_path=about/team/board",
    ]


def test_languages_are_items_of_their_own(about: Page, table: Table) -> None:
    site.translate(about, "ueber")
    assert table() == ["published de:ueber"]
    site.version(about, "de").unpublish(site.editor())
    assert table() == [f"updated de:{None if CLEARS_PATHS else 'ueber'} published=False"]


def test_page_that_was_never_published(table: Table) -> None:
    page = site.create("about")
    Page.objects.get(pk=page.pk).delete()
    assert table() == []


def test_published_in_the_admin(about: Page, table: Table, client: Client) -> None:
    client.force_login(site.editor())
    number = site.version(draft(about)).pk
    answer = client.post(f"/admin/djangocms_versioning/pagecontentversion/{number}/publish/")
    assert answer.status_code == 302
    assert table() == ["updated en:about"]
    answer = client.post(f"/admin/djangocms_versioning/pagecontentversion/{number}/unpublish/")
    assert answer.status_code == 302
    assert table() == UNPUBLISHED
