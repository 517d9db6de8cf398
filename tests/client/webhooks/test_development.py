"""On a developer's machine: which processes start a live client, and how often."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from spool_live.client import WebhookEvent
from spool_live.client.webhooks.development import DevelopmentFeed, serves_requests
from tests.client.conftest import World
from tests.waiting import eventually

SERVERS: list[tuple[list[str], dict[str, str], bool]] = [
    (["manage.py", "runserver"], {}, False),
    (["manage.py", "runserver"], {"RUN_MAIN": "true"}, True),
    (["manage.py", "runserver", "--noreload"], {}, True),
    (["manage.py", "runserver_plus"], {"WERKZEUG_RUN_MAIN": "true"}, True),
    (["manage.py", "migrate"], {}, False),
    (["manage.py", "migrate"], {"RUN_MAIN": "true"}, False),
    (["manage.py"], {}, False),
    (["/venv/bin/django-admin", "check"], {}, False),
    (["/lib/django/__main__.py", "runserver"], {"RUN_MAIN": "true"}, True),
    (["/venv/bin/gunicorn", "site.wsgi"], {}, True),
    (["/lib/uvicorn/__main__.py", "site.asgi:application"], {}, True),
    (["/venv/bin/celery", "-A", "site", "worker"], {}, False),
    (["/lib/pytest/__main__.py"], {}, False),
    ([], {}, True),
]


@pytest.mark.parametrize(
    ("argv", "environ", "expected"), SERVERS, ids=[" ".join(a) + str(e) for a, e, _ in SERVERS]
)
def test_only_a_web_server_starts_a_client(
    argv: list[str], environ: dict[str, str], expected: bool
) -> None:
    assert serves_requests(argv, environ) is expected


@pytest.fixture
async def feed(world: World) -> AsyncIterator[Callable[..., DevelopmentFeed]]:
    feeds: list[DevelopmentFeed] = []

    def make(on_webhook: Any, **options: Any) -> DevelopmentFeed:
        feeds.append(DevelopmentFeed(world.config(**options), on_webhook))
        return feeds[-1]

    yield make
    await asyncio.to_thread(feeds[-1].stop)


async def test_started_often_it_connects_once(
    world: World, feed: Callable[..., DevelopmentFeed]
) -> None:
    events: list[WebhookEvent] = []
    one = feed(events.append)
    for _ in range(3):
        one.start()
    await eventually(lambda: one._client and one._client.state.connected)
    await world.publish()
    await eventually(lambda: len(events) == 1)
    assert world.cms.token_requests == 1


async def test_reloaded_module_replaces_its_old_self(
    world: World, feed: Callable[..., DevelopmentFeed]
) -> None:
    old: list[WebhookEvent] = []
    new: list[WebhookEvent] = []
    first = feed(old.append)
    first.start()
    await eventually(lambda: len(world.realtime.joined) == 1)
    second = feed(new.append)
    second.start()
    await eventually(lambda: first._client and not first._client.state.connected)
    await eventually(lambda: second._client and second._client.state.connected)
    await world.publish()
    await eventually(lambda: len(new) == 1)
    assert old == []


async def test_wrong_key_is_told_with_the_remedy(
    world: World, feed: Callable[..., DevelopmentFeed], caplog: pytest.LogCaptureFixture
) -> None:
    feed(print, api_key="wrong").start()
    await eventually(lambda: "Failed to connect to live updates" in caplog.text)
    assert "SPOOL_API_KEY and SPOOL_SITE_ID" in caplog.text


async def test_cms_that_stays_away_is_given_up_after_five_attempts(
    world: World, feed: Callable[..., DevelopmentFeed], caplog: pytest.LogCaptureFixture
) -> None:
    world.cms.down = True
    feed(print).start()
    await eventually(lambda: "No connection after 5 attempts" in caplog.text)
    assert "Restart" in caplog.text or "restart" in caplog.text


async def test_async_function_is_awaited(
    world: World, feed: Callable[..., DevelopmentFeed]
) -> None:
    events: list[WebhookEvent] = []

    async def on_webhook(event: WebhookEvent) -> None:
        await asyncio.sleep(0)
        events.append(event)

    one = feed(on_webhook)
    one.start()
    await eventually(lambda: one._client and one._client.state.connected)
    await world.publish()
    await eventually(lambda: len(events) == 1)
