"""The first contents: two papers worth looking at, written once."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from demo_project.newsroom import art
from demo_project.newsroom.models import Article, Category, Publication
from demo_project.newsroom.seed import seed
from demo_project.state import Credentials
from spool_live.keys import revoke_key
from spool_live.models import SiteApiKey
from tests.keys.lookup import find_key


@pytest.mark.parametrize("slug", ["courier", "parallax"])
def test_paper_has_articles_in_every_state(credentials: Credentials, slug: str) -> None:
    articles = Article.objects.filter(site__publication__slug=slug)
    assert articles.public().count() >= 8
    assert {article.status for article in articles} == set(Article.Status)
    for article in articles:
        article.full_clean()
        assert article.tags.exists()


def test_seeding_again_changes_nothing(credentials: Credentials) -> None:
    article = Article.objects.public()[0]
    article.title = "An editor was here"
    article.save()
    deleted = Article.objects.public()[1]
    deleted.delete()
    before = Article.objects.count(), User.objects.count(), SiteApiKey.objects.count()
    passwords, keys = dict(credentials.passwords), dict(credentials.api_keys)
    seed(credentials)
    assert (Article.objects.count(), User.objects.count(), SiteApiKey.objects.count()) == before
    assert (credentials.passwords, credentials.api_keys) == (passwords, keys)
    article.refresh_from_db()
    assert article.title == "An editor was here"


def test_lost_credentials_are_made_anew(credentials: Credentials) -> None:
    anew = Credentials()
    seed(anew)
    assert set(anew.passwords) == {"admin", "courier-editor", "parallax-editor"}
    assert anew.passwords != credentials.passwords
    assert User.objects.get(username="admin").check_password(anew.passwords["admin"])
    assert find_key(anew.api_keys["courier"]) is not None


def test_revoked_key_is_replaced_at_the_next_start(credentials: Credentials) -> None:
    plain = credentials.api_keys["courier"]
    key = find_key(plain)
    assert key is not None
    revoke_key(key)
    seed(credentials)
    assert credentials.api_keys["courier"] != plain
    assert find_key(credentials.api_keys["courier"]) is not None


def test_every_section_has_a_picture_of_its_own(credentials: Credentials) -> None:
    for paper in Publication.objects.all():
        sections = Category.objects.filter(site=paper.site_id)
        drawn = {art.draw(paper.theme, section.slug, "seed") for section in sections}
        assert len(drawn) == len(sections)


def test_the_same_seed_draws_the_same_picture() -> None:
    assert art.draw("orbit", "space", "a") == art.draw("orbit", "space", "a")
    assert art.draw("orbit", "space", "a") != art.draw("orbit", "space", "b")
