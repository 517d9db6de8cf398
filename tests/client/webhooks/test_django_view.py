"""The webhook handler as a Django view, sync and async, in production and in development."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.http import HttpResponse
from django.test import AsyncRequestFactory, RequestFactory

from spool_live.client import ConfigurationError, WebhookEvent, create_spool_webhook_handler
from spool_live.client.webhooks.development import DevelopmentFeed
from tests.client.conftest import World
from tests.client.webhooks.test_receiver import OLD_SECRET, SECRET, signed
from tests.waiting import eventually


@pytest.fixture(autouse=True)
def _empty_cache() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


def post(view: Any, body: bytes, headers: dict[str, str]) -> HttpResponse:
    request = RequestFactory().post(
        "/webhook/", body, content_type="application/json", headers=headers
    )
    return view(request)  # type: ignore[no-any-return]


def test_event_reaches_the_handler() -> None:
    events: list[WebhookEvent] = []
    view = create_spool_webhook_handler(secret=SECRET, on_webhook=events.append)
    assert post(view, *signed()).status_code == 200
    assert [event.seq for event in events] == [7]


async def test_async_handler_makes_an_async_view() -> None:
    events: list[WebhookEvent] = []

    async def on_webhook(event: WebhookEvent) -> None:
        events.append(event)

    view = create_spool_webhook_handler(secret=SECRET, on_webhook=on_webhook)
    body, headers = signed()
    request = AsyncRequestFactory().post(
        "/webhook/", body, content_type="application/json", headers=headers
    )
    assert (await view(request)).status_code == 200
    assert [event.seq for event in events] == [7]


def test_replay_is_answered_and_not_handled() -> None:
    events: list[WebhookEvent] = []
    view = create_spool_webhook_handler(secret=SECRET, on_webhook=events.append)
    sent = signed()
    assert [post(view, *sent).status_code for _ in range(2)] == [200, 200]
    assert len(events) == 1


def test_bad_signature_is_401_and_reveals_nothing() -> None:
    view = create_spool_webhook_handler(secret=SECRET, on_webhook=lambda event: None)
    response = post(view, *signed(secret=OLD_SECRET))
    assert response.status_code == 401
    assert b"SPOOL" not in response.content


def test_handler_that_fails_is_500_and_the_next_attempt_is_handled(
    caplog: pytest.LogCaptureFixture,
) -> None:
    outcomes: Iterator[Exception | None] = iter([RuntimeError("not now"), None])

    def on_webhook(event: WebhookEvent) -> None:
        if error := next(outcomes):
            raise error

    view = create_spool_webhook_handler(secret=SECRET, on_webhook=on_webhook)
    sent = signed()
    assert [post(view, *sent).status_code for _ in range(2)] == [500, 200]
    assert "not now" in caplog.text


def test_only_post_is_answered_and_csrf_is_not_asked_for() -> None:
    view = create_spool_webhook_handler(secret=SECRET, on_webhook=lambda event: None)
    assert view(RequestFactory().get("/webhook/")).status_code == 405
    assert vars(view)["csrf_exempt"] is True


def test_production_needs_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPOOL_WEBHOOK_SECRET", raising=False)
    with pytest.raises(ConfigurationError, match="SPOOL_WEBHOOK_SECRET"):
        create_spool_webhook_handler(on_webhook=lambda event: None)
    monkeypatch.setenv("SPOOL_WEBHOOK_SECRET", SECRET)
    view = create_spool_webhook_handler(on_webhook=lambda event: None)
    assert post(view, *signed()).status_code == 200


def test_production_opens_no_socket(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(feed: DevelopmentFeed) -> None:
        pytest.fail("a live client in production")

    monkeypatch.setattr(DevelopmentFeed, "start", fail)
    view = create_spool_webhook_handler(
        secret=SECRET, development_config=world.config(), on_webhook=lambda event: None
    )
    assert post(view, *signed()).status_code == 200


async def test_development_feeds_the_same_function(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(
        "spool_live.client.webhooks.django_view.sys.argv",
        ["/usr/bin/uvicorn", "site.asgi:application"],
    )
    caplog.set_level(logging.INFO, "spool_live.client.development")
    events: list[WebhookEvent] = []
    view = create_spool_webhook_handler(
        development_config=world.config(), on_webhook=events.append, development=True
    )
    await eventually(lambda: "Connected to Spool Realtime for site" in caplog.text)
    await world.publish(metadata={"title": "Hello"})
    await eventually(lambda: [event.seq for event in events] == [1])
    assert events[0].event == "content.updated"
    assert post(view, *signed()).status_code == 401, "without a secret nothing is believed"
    assert len(world.realtime.joined) == 1
    await asyncio.to_thread(DevelopmentFeed(world.config(), print).stop)
    await eventually(lambda: not world.realtime.joined)
