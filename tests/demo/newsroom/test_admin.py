"""Editors see and change the articles of their own site only."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from demo_project.newsroom.models import Article, Category, Publication

from .conftest import MakeArticle

LIST = "/admin/newsroom/article/"
SignIn = Callable[[str], Client]


def change_url(article: Article) -> str:
    return reverse("admin:newsroom_article_change", args=[article.pk])


def form_of(article: Article, **changes: Any) -> dict[str, Any]:
    """What a browser posts for ``article``."""
    hour = timezone.localtime(article.publish_at) if article.publish_at else None
    values = {
        "title": article.title,
        "slug": article.slug,
        "summary": article.summary,
        "body": article.body,
        "status": article.status,
        "publish_at_0": hour.strftime("%Y-%m-%d") if hour else "",
        "publish_at_1": hour.strftime("%H:%M:%S") if hour else "",
        "site": str(article.site_id),
        "category": str(article.category_id),
        "byline": article.byline,
        "tags": [],
    }
    return {**values, **changes}


def test_editor_sees_the_own_sites_articles(signed_in: SignIn) -> None:
    shown = signed_in("courier-editor").get(LIST).content.decode()
    assert "Winter timetable adds a dawn sailing" in shown
    assert "A telescope made of a thousand cheap mirrors" not in shown
    assert "The Skerry Bay Courier" in shown, "the header names the paper"


def test_superuser_sees_both_sites_and_can_filter(signed_in: SignIn, courier: Publication) -> None:
    client = signed_in("admin")
    everything = client.get(LIST).content.decode()
    assert "A telescope made of a thousand cheap mirrors" in everything
    one_site = client.get(LIST, {"site__id__exact": str(courier.site_id)}).content.decode()
    assert "A telescope made of a thousand cheap mirrors" not in one_site


def test_editor_may_use_the_address_of_the_own_articles(
    signed_in: SignIn, courier: Publication
) -> None:
    answer = signed_in("courier-editor").get(LIST, {"site__id__exact": str(courier.site_id)})
    assert answer.status_code == 200
    assert "Winter timetable adds a dawn sailing" in answer.content.decode()


def test_editor_cannot_open_or_delete_another_sites_article(
    signed_in: SignIn, parallax: Publication
) -> None:
    foreign = Article.objects.filter(site=parallax.site_id).public()[0]
    client = signed_in("courier-editor")
    assert client.get(change_url(foreign)).status_code == 302
    client.post(reverse("admin:newsroom_article_delete", args=[foreign.pk]), {"post": "yes"})
    client.post(LIST, {"action": "unpublish", "_selected_action": [str(foreign.pk)]})
    foreign.refresh_from_db()
    assert foreign.is_public


def test_editor_cannot_move_an_article_to_another_site(
    signed_in: SignIn, parallax: Publication, make_article: MakeArticle
) -> None:
    article = make_article()
    foreign = Category.objects.filter(site=parallax.site_id).first()
    assert foreign is not None
    for changes in ({"site": str(parallax.site_id)}, {"category": str(foreign.pk)}):
        answer = signed_in("courier-editor").post(change_url(article), form_of(article, **changes))
        assert answer.status_code == 200, "the form comes back with an error"
        assert "Select a valid choice" in answer.content.decode()


def test_editor_changes_an_article(signed_in: SignIn, make_article: MakeArticle) -> None:
    article = make_article()
    changed = form_of(article, title="Seals leave again")
    assert signed_in("courier-editor").post(change_url(article), changed).status_code == 302
    article.refresh_from_db()
    assert article.title == "Seals leave again"


def test_publishing_without_an_hour_means_now(signed_in: SignIn, make_article: MakeArticle) -> None:
    draft = make_article(status="draft", publish_at=None)
    form = form_of(draft, status="published")
    assert signed_in("courier-editor").post(change_url(draft), form).status_code == 302
    draft.refresh_from_db()
    assert draft.is_public


@pytest.mark.parametrize(
    ("action", "status", "public"),
    [("publish", "draft", True), ("unpublish", "published", False)],
)
def test_actions_change_every_chosen_article(
    signed_in: SignIn, make_article: MakeArticle, action: str, status: str, *, public: bool
) -> None:
    chosen = [make_article(slug=slug, status=status) for slug in ("one", "two")]
    ids = [str(article.pk) for article in chosen]
    signed_in("courier-editor").post(LIST, {"action": action, "_selected_action": ids})
    assert [Article.objects.get(pk=pk).is_public for pk in ids] == [public, public]


def test_editor_has_no_door_to_users_sites_and_keys(
    signed_in: SignIn, courier_editor: User
) -> None:
    client = signed_in(courier_editor.get_username())
    shown = client.get("/admin/").content.decode()
    assert "Articles" in shown
    assert client.get("/admin/auth/user/").status_code in {403, 404}
    assert client.get("/admin/newsroom/siteeditor/").status_code == 403


def test_clean_refuses_contradictions(make_article: MakeArticle, parallax: Publication) -> None:
    article = make_article()
    article.status, article.publish_at = Article.Status.SCHEDULED, None
    with pytest.raises(ValidationError, match="needs its hour"):
        article.clean()
    article.status = Article.Status.PUBLISHED
    article.publish_at = timezone.now() + timedelta(hours=1)
    with pytest.raises(ValidationError, match="choose Scheduled"):
        article.clean()
    foreign = Category.objects.filter(site=parallax.site_id).first()
    assert foreign is not None
    article.category = foreign
    with pytest.raises(ValidationError, match="another site"):
        article.clean()


def test_editor_with_rights_in_spool_live_sees_the_own_site_only(
    signed_in: SignIn, courier: Publication, parallax: Publication
) -> None:
    client = signed_in("courier-editor")
    user = User.objects.get(username="courier-editor")
    rights = Permission.objects.filter(content_type__app_label="spool_live")
    user.user_permissions.add(*rights)
    for page in ("site", "dashboard"):
        shown = client.get(reverse(f"admin:spool_live_{page}_changelist")).content.decode()
        assert str(courier.site_id) in shown
        assert str(parallax.site_id) not in shown
        assert parallax.site.name not in shown
