"""The public pages: what is published, and nothing else."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from demo_project.newsroom.models import Article, Publication
from demo_project.state import Credentials

from .conftest import MakeArticle

IN_AN_HOUR = timezone.now() + timedelta(hours=1)
HIDDEN = [
    pytest.param({"status": "draft", "publish_at": None}, id="draft"),
    pytest.param({"status": "draft"}, id="unpublished"),
    pytest.param({"status": "scheduled", "publish_at": IN_AN_HOUR}, id="scheduled"),
    pytest.param({"status": "scheduled"}, id="scheduled and due, but not published yet"),
    pytest.param({"status": "published", "publish_at": IN_AN_HOUR}, id="published in the future"),
]


def addresses_of(paper: Publication, article: Article) -> dict[str, str]:
    return {
        name: reverse(f"newsroom:{name}", args=[paper.slug, last])
        for name, last in (("article", article.slug), ("story", article.pk), ("art", article.pk))
    }


@pytest.mark.parametrize("name", ["article", "story", "art"])
def test_published_article_is_served(
    client: Client, courier: Publication, make_article: MakeArticle, name: str
) -> None:
    assert client.get(addresses_of(courier, make_article())[name]).status_code == 200


@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize("name", ["article", "story", "art"])
def test_unpublished_article_is_not_found(
    client: Client,
    courier: Publication,
    make_article: MakeArticle,
    name: str,
    hidden: dict[str, Any],
) -> None:
    article = make_article(**hidden)
    assert client.get(addresses_of(courier, article)[name]).status_code == 404


@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize("name", ["front", "cards"])
def test_unpublished_article_is_on_no_list(
    client: Client,
    courier: Publication,
    make_article: MakeArticle,
    name: str,
    hidden: dict[str, Any],
) -> None:
    make_article(**hidden)
    answer = client.get(reverse(f"newsroom:{name}", args=[courier.slug]))
    assert b"dawn-ferry-outer-islands" in answer.content
    assert b"seals-return" not in answer.content


@pytest.mark.parametrize("hidden", HIDDEN)
def test_is_public_says_what_the_query_says(
    make_article: MakeArticle, hidden: dict[str, Any]
) -> None:
    hidden_article, public_article = make_article(**hidden), make_article(slug="another")
    assert not hidden_article.is_public
    assert public_article.is_public
    found = set(Article.objects.public().values_list("pk", flat=True))
    assert public_article.pk in found
    assert hidden_article.pk not in found


@pytest.mark.parametrize("name", ["article", "story", "art"])
def test_article_of_one_site_is_not_served_by_the_other(
    client: Client, parallax: Publication, make_article: MakeArticle, name: str
) -> None:
    assert client.get(addresses_of(parallax, make_article())[name]).status_code == 404


def test_story_holds_paragraphs_and_the_servers_time(
    client: Client, courier: Publication, make_article: MakeArticle
) -> None:
    before = timezone.now().timestamp() * 1000
    answer = client.get(addresses_of(courier, make_article())["story"]).json()
    assert answer["story"]["paragraphs"] == ["First paragraph.", "Second paragraph."]
    assert answer["story"]["section"] == "Harbour"
    assert before - 1 <= answer["server_time"] <= timezone.now().timestamp() * 1000


def test_cards_are_newest_first_and_can_be_those_of_a_section(
    client: Client, courier: Publication
) -> None:
    address = reverse("newsroom:cards", args=[courier.slug])
    everything = client.get(address).json()["cards"]
    hours = [card["published_at"] for card in everything]
    assert hours == sorted(hours, reverse=True)
    culture = client.get(address, {"section": "culture"}).json()["cards"]
    assert 0 < len(culture) < len(everything)
    assert {card["section_slug"] for card in culture} == {"culture"}


def test_pages_hold_neither_keys_nor_passwords(client: Client, credentials: Credentials) -> None:
    pages = ("/", "/split/", "/sites/courier/", "/sites/parallax/", "/sites/courier/sections/town/")
    shown = "".join(client.get(page).content.decode() for page in pages)
    secrets = [*credentials.api_keys.values(), *credentials.passwords.values()]
    assert len(secrets) == 5
    assert not [secret for secret in secrets if secret in shown]


@pytest.mark.parametrize("path", ["/sites/nobody/", "/sites/courier/sections/nothing/"])
def test_unknown_addresses_are_not_found(client: Client, courier: Publication, path: str) -> None:
    assert client.get(path).status_code == 404


def test_front_page_can_be_framed_by_the_split_view(client: Client, courier: Publication) -> None:
    assert client.get("/sites/courier/")["X-Frame-Options"] == "SAMEORIGIN"
