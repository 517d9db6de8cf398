"""What the newsroom announces, and what its sites' servers pass on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from pytest_django.live_server_helper import LiveServer

from demo_project.newsroom import upstream
from demo_project.newsroom.models import Article, Category, Publication
from demo_project.newsroom.tasks import publish_due_articles
from demo_project.state import Credentials
from spool_live.delivery import deliver_pending, mirror
from spool_live.keys import revoke_key
from spool_live.models import OutboxEntry
from tests.keys.lookup import find_key

from .conftest import MakeArticle

LIVE = "/sites/courier/live/"
TOKEN = f"{LIVE}?token"


@pytest.fixture
def api(live_server: LiveServer, settings: LazySettings, credentials: Credentials) -> Iterator[str]:
    """The real API behind a real port, with the sites' keys acknowledged by (a) Supabase."""
    settings.NEWSROOM_API_URL = f"{live_server.url}/spool-live/"
    mirror.mirror_pending("default")
    yield live_server.url
    upstream.http().close()
    upstream.http.cache_clear()


def newest() -> OutboxEntry:
    return OutboxEntry.objects.latest("pk")


def test_published_article_announces_its_title(make_article: MakeArticle) -> None:
    make_article()
    entry = newest()
    assert (entry.event_type, entry.collection, entry.slug) == (
        "content.published",
        "articles",
        "seals-return",
    )
    assert entry.metadata["title"] == "Seals return to the skerries"
    assert entry.metadata["category"] == "harbour"


def test_draft_announces_nothing_but_itself(make_article: MakeArticle) -> None:
    make_article(status="draft", publish_at=None)
    entry = newest()
    assert entry.event_type == "content.created"
    assert "Seals" not in str(entry.metadata)
    assert "Eleven" not in str(entry.metadata)


def test_renamed_section_is_announced(courier: Publication) -> None:
    section = Category.objects.get(site=courier.site_id, slug="town")
    section.name = "Town & Country"
    section.save()
    assert (newest().collection, newest().slug) == ("categories", "town")


def test_due_articles_are_published_and_announced(make_article: MakeArticle) -> None:
    due = make_article(status="scheduled", publish_at=timezone.now() - timedelta(seconds=1))
    later = make_article(
        status="scheduled", slug="later", publish_at=timezone.now() + timedelta(hours=1)
    )
    assert publish_due_articles() == 1
    assert (newest().event_type, newest().item_id) == ("content.published", due.pk)
    due.refresh_from_db()
    later.refresh_from_db()
    assert (due.is_public, later.status) == (True, Article.Status.SCHEDULED)


@pytest.mark.django_db(transaction=True)
def test_token_comes_from_the_api_without_its_key(
    client: Client, api: str, credentials: Credentials, courier: Publication
) -> None:
    answer = client.get(TOKEN)
    assert answer.status_code == 200
    token = answer.json()
    assert token["site_id"] == str(courier.site_id)
    assert token["realtime"]["broadcast"]["topic"] == f"site:{courier.site_id}:{token['epoch']}"
    assert 0 < token["expires_in"] <= 600
    assert credentials.api_keys["courier"] not in answer.content.decode()


@pytest.mark.django_db(transaction=True)
def test_visitors_share_a_token_until_its_epoch_is_stale(client: Client, api: str) -> None:
    first = client.get(TOKEN).json()
    assert client.get(TOKEN).json()["token"] == first["token"]
    other = client.get(f"{TOKEN}&stale_epoch={first['epoch'] + 1}").json()
    assert other["token"] == first["token"], "some other epoch says nothing about this token"
    fresh = client.get(f"{TOKEN}&stale_epoch={first['epoch']}").json()
    assert fresh["token"] != first["token"]


@pytest.mark.django_db(transaction=True)
def test_catch_up_goes_on_from_a_cursor(
    client: Client, api: str, make_article: MakeArticle
) -> None:
    make_article()
    deliver_pending("default")
    seq = client.get(TOKEN).json()["seq"]
    page = client.get(LIVE, {"after": seq - 1, "limit": 5}).json()
    assert (page["status"], [update["seq"] for update in page["results"]]) == ("recovered", [seq])
    assert client.get(LIVE).status_code == 400


@pytest.mark.django_db(transaction=True)
def test_refusals_of_the_api_are_passed_on(
    client: Client, api: str, credentials: Credentials
) -> None:
    key = find_key(credentials.api_keys["courier"])
    assert key is not None
    revoke_key(key)
    answer = client.get(TOKEN)
    assert answer.status_code == 401
    assert answer.json() == {"code": "invalid_credentials"}


def test_unreachable_api_is_a_502(
    client: Client, credentials: Credentials, settings: LazySettings
) -> None:
    settings.NEWSROOM_API_URL = "http://127.0.0.1:9/spool-live/"
    assert client.get(LIVE, {"after": 0}).status_code == 502
    assert client.get(TOKEN).json() == {"code": "api_unreachable"}
    assert cache.get("newsroom:token:courier") is None


def test_site_without_a_key_is_unknown(client: Client, credentials: Credentials) -> None:
    answer = client.get("/sites/nobody/live/?token")
    assert (answer.status_code, answer.json()) == (404, {"code": "unknown_site"})


@pytest.mark.parametrize("value", ["9" * 5_000, "\u096b", "\uff17", "-1", "1e3", "", "0x1"])
def test_number_that_is_not_one_is_refused_and_breaks_nothing(client: Client, value: str) -> None:
    answer = client.get(LIVE, {"after": value})
    assert (answer.status_code, answer.json()) == (400, {"code": "invalid"})


@pytest.mark.django_db(transaction=True)
def test_one_visitor_cannot_spend_what_the_site_may_ask(
    api: str, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upstream, "VISITOR_LIMIT", 3)
    monkeypatch.setattr(upstream, "VISITOR_WINDOW", 10_000_000)
    asked: list[str] = []
    ask = upstream._ask

    def ask_and_note(*args: Any) -> Any:
        asked.append(args[2])
        return ask(*args)

    monkeypatch.setattr(upstream, "_ask", ask_and_note)
    same = [client.get(LIVE, {"after": 0}).status_code for _ in range(10)]
    assert set(same) == {200}
    assert len(asked) <= 3, "an answer serves everybody for a second"
    others = [client.get(LIVE, {"after": n}) for n in range(1, 8)]
    assert others[-1].status_code == 429
    assert others[-1]["Retry-After"]
    assert client.get(LIVE, {"after": 99}, REMOTE_ADDR="192.0.2.7").status_code == 200
