"""Webhook endpoints in the admin: made, shown once, rotated, tried."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from spool_live import webhooks
from spool_live.delivery import deliver_and_mirror
from spool_live.models import Site, WebhookEndpoint, WebhookMessage, WebhookSecret
from tests.outbox.conftest import waiting
from tests.webhooks.conftest import _loopback  # noqa: F401 - autouse
from tests.webhooks.receiving import Inbox, receiving

pytestmark = pytest.mark.django_db(databases="__all__")
ENDPOINTS = "admin:spool_live_webhookendpoint"
SECRET = re.compile(r"wh(?:sec|pk)_[A-Za-z0-9+/=]{43,44}")


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    with receiving() as found:
        yield found


def form(site: Site, url: str, **given: Any) -> dict[str, Any]:
    return {"site": site.pk, "url": url, "description": "the shop", "rate": "0", **given}


def shown(client: Client, answer: Any) -> str:
    assert answer.status_code == 302
    page = client.get(answer.url)
    assert "no-store" in page["Cache-Control"]
    [found] = set(SECRET.findall(page.content.decode()))
    assert not SECRET.search(client.get(answer.url).content.decode()), "it is shown once"
    return str(found)


def send(site: Site) -> None:
    waiting(site)
    deliver_and_mirror("default")
    webhooks.send_pending("default")


def test_new_endpoint_shows_its_secret_once(admin_client: Client, inbox: Inbox) -> None:
    site = Site.objects.create(name="Courier")
    answer = admin_client.post(reverse(f"{ENDPOINTS}_add"), form(site, inbox.url))
    inbox.secret = shown(admin_client, answer)
    send(site)
    assert inbox.seqs == [1]
    endpoint = WebhookEndpoint.objects.get()
    change = admin_client.get(reverse(f"{ENDPOINTS}_change", args=[endpoint.pk]))
    listed = admin_client.get(reverse(f"{ENDPOINTS}_changelist"))
    log = admin_client.get(reverse("admin:spool_live_webhookattempt_changelist"))
    for page in (change, listed, log):
        assert page.status_code == 200
        assert not SECRET.search(page.content.decode())
    assert "Everything was accepted" in listed.content.decode()
    assert inbox.secret not in str(list(LogEntry.objects.values())) + str(admin_client.cookies)


def test_key_pair_shows_the_public_key(admin_client: Client, inbox: Inbox) -> None:
    site = Site.objects.create(name="Courier")
    given = form(site, inbox.url, public_key="on")
    assert shown(admin_client, admin_client.post(reverse(f"{ENDPOINTS}_add"), given)).startswith(
        "whpk_"
    )
    assert WebhookSecret.objects.get().scheme == "v1a"


@pytest.mark.parametrize("url", ["https://10.0.0.1/", "https://user:word@example.com/"])
def test_refused_url_is_said_in_the_form(admin_client: Client, url: str) -> None:
    site = Site.objects.create(name="Courier")
    answer = admin_client.post(reverse(f"{ENDPOINTS}_add"), form(site, url))
    assert "errorlist" in answer.content.decode()
    assert not WebhookEndpoint.objects.exists()


def test_saving_never_moves_the_cursor(admin_client: Client, inbox: Inbox) -> None:
    site = Site.objects.create(name="Courier")
    endpoint, inbox.secret = webhooks.create_endpoint(site, inbox.url)
    send(site)
    given = form(site, inbox.url, event_types=["content.deleted"])
    assert admin_client.post(reverse(f"{ENDPOINTS}_change", args=[endpoint.pk]), given)["Location"]
    endpoint = WebhookEndpoint.objects.get()
    assert (endpoint.event_types, endpoint.delivery.cursor_seq) == (["content.deleted"], 1)


def test_rotation_shows_the_new_secret(admin_client: Client, inbox: Inbox) -> None:
    site = Site.objects.create(name="Courier")
    endpoint, former = webhooks.create_endpoint(site, inbox.url)
    page = reverse(f"{ENDPOINTS}_rotate", args=[endpoint.pk])
    assert admin_client.get(page).status_code == 200
    inbox.secret = shown(admin_client, admin_client.post(page, {"overlap_hours": "1"}))
    assert inbox.secret != former
    send(site)
    assert inbox.seqs == [1]


def act(client: Client, action: str, *endpoints: WebhookEndpoint) -> str:
    given = {"action": action, "_selected_action": [str(one.pk) for one in endpoints]}
    answer = client.post(reverse(f"{ENDPOINTS}_changelist"), given, follow=True)
    return answer.content.decode()


def test_actions(admin_client: Client, inbox: Inbox) -> None:
    site = Site.objects.create(name="Courier")
    endpoint, inbox.secret = webhooks.create_endpoint(site, inbox.url)
    assert "HTTP 204" in act(admin_client, "send_example", endpoint)
    inbox.answers = [500]
    assert "HTTP 500" in act(admin_client, "send_example", endpoint)
    inbox.answers = [500]
    send(site)
    assert "1 message is sent again" in act(admin_client, "resend_failed", endpoint)
    webhooks.send_pending("default")
    assert inbox.seqs == [None, 1]
    act(admin_client, "disable", endpoint)
    assert WebhookEndpoint.objects.get().disabled == "by_hand"
    act(admin_client, "enable", endpoint)
    assert WebhookEndpoint.objects.get().disabled == ""


def test_attempt_can_be_sent_again(admin_client: Client, inbox: Inbox) -> None:
    site = Site.objects.create(name="Courier")
    endpoint, inbox.secret = webhooks.create_endpoint(site, inbox.url)
    send(site)
    attempt = endpoint.attempts.get()
    page = reverse("admin:spool_live_webhookattempt_changelist")
    admin_client.post(page, {"action": "resend", "_selected_action": [attempt.pk]})
    assert WebhookMessage.objects.count() == 1
    webhooks.send_pending("default")
    assert inbox.repeated == 1


def test_who_may_only_view_changes_nothing(staff: Callable[..., Client], inbox: Inbox) -> None:
    site = Site.objects.create(name="Courier")
    endpoint, _ = webhooks.create_endpoint(site, inbox.url)
    client = staff("view_webhookendpoint", "view_webhookattempt")
    assert client.get(reverse(f"{ENDPOINTS}_rotate", args=[endpoint.pk])).status_code == 403
    act(client, "disable", endpoint)
    assert WebhookEndpoint.objects.get().disabled == ""
