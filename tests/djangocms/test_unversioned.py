"""The table of events without versions: whatever is saved is public."""

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
    pytest.mark.skipif(settings.VERSIONING, reason="is about projects without versions"),
]


@pytest.fixture
def about(table: Table) -> Page:
    about = site.published("about")
    site.published("board", site.published("team", about))
    table()
    return about


def test_created_and_saved(table: Table) -> None:
    page = site.create("about")
    assert table() == ["published en:about"]
    edited = site.content(page)
    edited.title = "About us"
    edited.save()
    assert table() == ["updated en:about"]
    edited.save()
    assert table() == []  # nothing is different


def test_plugins(about: Page, table: Table) -> None:
    words = site.add_text(about)
    assert table() == ["updated en:about"]  # once a transaction, which the test is
    words.text = "other words"
    words.save()
    assert table() == []


def test_translation(about: Page, table: Table) -> None:
    site.translate(about, "ueber")
    assert table() == ["published de:ueber"]
    items = OutboxEntry.objects.filter(metadata__page=about.pk)
    assert items.values("item_id").distinct().count() == 2


def test_created_and_changed_in_the_admin(table: Table, client: Client) -> None:
    client.force_login(site.editor())
    site.published("home").set_as_homepage()
    table()
    given = {"title": "About", "slug": "about", "content_type": "", "template": site.TEMPLATE}
    answer = client.post("/admin/cms/pagecontent/add/?language=en", given)
    assert answer.status_code == 302, answer.content.decode()
    assert table() == ["published en:about"]
    page = Page.objects.get(is_home=False)
    site.published("team", page)
    table()
    number = PageContent.objects.get(page=page).pk
    answer = client.post(
        f"/admin/cms/pagecontent/{number}/change/?language=en", {**given, "slug": "who"}
    )
    assert answer.status_code == 302, answer.content.decode()
    assert table() == [
        "updated en:who previous_slug=about previous_path=about",
        "updated en:who/team previous_path=about/team",
    ]


def test_plugins_in_the_admin(about: Page, table: Table, client: Client) -> None:
    words, others = site.add_text(about), site.add_text(about)
    table()
    client.force_login(site.editor())
    edit = "/admin/cms/placeholder/edit-plugin/{}/?cms_path=/en/about/"
    with site.next_transaction():
        answer = client.post(edit.format(words.pk), {"text": "other words"})
        assert answer.status_code == 200, answer.content.decode()
    assert table() == ["updated en:about"]
    with site.next_transaction():
        answer = client.post(
            "/admin/cms/placeholder/move-plugin/?cms_path=/en/about/",
            {
                "plugin_id": others.pk,
                "target_language": "en",
                "target_position": 1,
            },
        )
        assert answer.status_code == 200, answer.content.decode()
    assert table() == ["updated en:about"]
    with site.next_transaction():
        answer = client.post(
            f"/admin/cms/placeholder/delete-plugin/{words.pk}/?cms_path=/en/about/", {"post": "yes"}
        )
        assert answer.status_code in (200, 302), answer.content.decode()
    assert table() == ["updated en:about"]
