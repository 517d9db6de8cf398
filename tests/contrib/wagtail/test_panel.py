"""The panel in the editor says what is so."""

from __future__ import annotations

from django.urls import reverse
from django.utils import timezone

from spool_live.models import OutboxEntry
from tests.contrib.wagtail.cms import Cms
from tests.contrib.wagtail.tree import Tree


def panel(tree: Tree, slug: str) -> str:
    answer = Cms(tree.user).client.get(reverse("wagtailadmin_pages:edit", args=[tree[slug].pk]))
    _, found, rest = answer.content.decode().partition("data-spool-live>")
    return " ".join(rest.partition('class="help"')[0].split()) if found else ""


def test_page_that_subscribers_know(tree: Tree) -> None:
    text = panel(tree, "storm")
    assert "<strong>Harbour</strong>" in text
    assert "Subscribers know this page at http://harbour.example/news/storm/." in text
    assert "no recent update" in text


def test_update_that_waits_and_one_that_was_delivered(tree: Tree) -> None:
    tree["storm"].save_revision().publish()
    assert "waiting to be delivered" in panel(tree, "storm")
    OutboxEntry.objects.update(state=OutboxEntry.State.DELIVERED, seq=7, settled_at=timezone.now())
    text = panel(tree, "storm")
    assert "content.updated" in text
    assert "(seq 7): <span data-spool-live-last>delivered</span>" in text
    OutboxEntry.objects.update(state=OutboxEntry.State.DEAD)
    assert "refused by Supabase" in panel(tree, "storm")


def test_nobody_at_work_is_not_ok(tree: Tree) -> None:
    tree["storm"].save_revision().publish()
    assert "<span data-spool-live-state>ok</span>" not in panel(tree, "storm")


def test_draft(tree: Tree) -> None:
    assert "Subscribers do not know of this page" in panel(tree, "draft")


def test_page_on_no_site(tree: Tree) -> None:
    tree.base("storm").move(tree.root, "last-child")
    assert "on no site that is mapped" in panel(tree, "storm")


def test_type_that_is_not_reported(tree: Tree) -> None:
    assert panel(tree, "internal") == ""
