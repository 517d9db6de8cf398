"""The page without a socket follows by webhook, and by nothing else."""

from __future__ import annotations

import json
import re
import uuid
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from demo_project.newsroom.models import Article, Publication
from demo_project.newsroom.seed.webhooks import connect_webhook
from demo_project.state import Credentials
from spool_live.models import WebhookEndpoint
from spool_live.webhooks import signing

pytestmark = pytest.mark.django_db
PAGE = reverse("newsroom:printed", args=["courier"])
HOOK = reverse("newsroom:webhook", args=["courier"])


@pytest.fixture
def secret(monkeypatch: pytest.MonkeyPatch, courier: Publication, credentials: Credentials) -> str:
    connect_webhook(courier, credentials)
    monkeypatch.setattr(settings, "CREDENTIALS", credentials)
    return credentials.webhook_secrets["courier"]


def call(secret: str) -> int:
    """What the CMS sends, signed with ``secret``; the answer."""
    ident = str(uuid.uuid4())
    event: dict[str, Any] = {
        "event": "content.updated",
        "site_id": str(uuid.uuid4()),
        "collection": "articles",
        "slug": None,
        "item_id": ident,
        "timestamp": timezone.now().isoformat(),
        "metadata": {},
        "id": ident,
        "seq": 1,
    }
    body = json.dumps(event)
    headers = signing.sign([secret], ident, timezone.now(), body)
    kind = headers.pop("content-type")
    client = Client(enforce_csrf_checks=True)
    return client.post(HOOK, body, content_type=kind, headers=headers).status_code


def test_page_changes_when_the_cms_has_called(client: Client, secret: str) -> None:
    before = client.get(PAGE).content.decode()
    [newest, *_] = re.findall(r'data-id="([^"]+)"', before)
    article = Article.objects.get(pk=newest)
    article.title = "Harbour closed"
    article.save()
    assert client.get(PAGE).content.decode() == before, "nobody has called"
    assert call("whsec_" + "A" * 43 + "=") == 401
    assert client.get(PAGE).content.decode() == before
    assert call(secret) == 200
    assert "Harbour closed" in client.get(PAGE).content.decode()


def test_endpoint_is_made_once_and_moves_with_the_demo(
    secret: str, courier: Publication, credentials: Credentials
) -> None:
    WebhookEndpoint.objects.update(url="http://127.0.0.1:1/elsewhere/")
    connect_webhook(courier, credentials)
    [endpoint] = WebhookEndpoint.objects.all()
    assert endpoint.url == f"{settings.NEWSROOM_URL}{HOOK}"
    assert credentials.webhook_secrets == {"courier": secret}


def test_paper_without_a_secret_takes_no_webhook(client: Client, courier: Publication) -> None:
    assert client.post(HOOK, "{}", content_type="application/json").status_code == 404
