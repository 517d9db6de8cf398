"""A gateway that can be killed, and a site behind proxies."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from django.conf import LazySettings
from django.core.asgi import get_asgi_application
from pytest_django.live_server_helper import LiveServer

from spool_live import keys
from spool_live.broadcasters.supabase import SupabaseBroadcaster
from spool_live.delivery import mirror
from spool_live.local.instance import LocalDatabase
from spool_live.local.processes import free_port
from spool_live.local.realtime.options import RealtimeOptions
from spool_live.models import Site
from tests.client.conftest import LIBRARY_WARNINGS
from tests.end_to_end.client.chaos import Chaos, behind_proxy
from tests.end_to_end.client.gateway_process import Gateway
from tests.real_supabase import GivenSupabase

MakeChaos = Callable[..., Chaos]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            for warning in LIBRARY_WARNINGS:
                item.add_marker(pytest.mark.filterwarnings(warning))


def make_site(name: str) -> tuple[Site, str]:
    """A site that Supabase knows, and its API key."""
    site = Site.objects.create(name=name)
    _, plain = keys.create_key(site, name="front end")
    mirror.mirror_pending("default")
    return site, plain


@pytest.fixture
def asgi_cms(transactional_db: None) -> Iterator[str]:
    """Where the API answers, by few workers for many connections, as in production.

    (`live_server` has a thread and a database connection for each.)
    """
    port = free_port()
    django = get_asgi_application()
    workers = asyncio.Semaphore(8)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        async with workers:
            await django(scope, receive, send)

    config = uvicorn.Config(app, port=port, lifespan="off", log_level="warning", backlog=4096)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    yield f"http://127.0.0.1:{port}/spool-live/"
    server.should_exit = True
    thread.join()


@pytest.fixture
def chaos(
    transactional_db: None,
    live_server: LiveServer,
    suite_database: LocalDatabase,
    settings: LazySettings,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[MakeChaos]:
    """Makes a site with its CMS and a gateway of its own, and proxies before both."""
    made: list[Chaos] = []

    def make(
        *,
        mode: str = "broadcast",
        lifetime: int = 600,
        ahead: float = 0.0,
        proxied: bool = True,
        killed: bool = False,
        options: RealtimeOptions | None = None,
        **switches: Any,
    ) -> Chaos:
        config = suite_database.config
        given = isinstance(config, GivenSupabase)
        if not given:
            config = replace(config, port=free_port(), **switches)
        elif ahead or options or switches or killed:
            pytest.skip("a Supabase that runs already is not changed or killed by a test")
        settings.SPOOL_LIVE = {
            **settings.SPOOL_LIVE,
            "BROADCASTER": f"{SupabaseBroadcaster.__module__}.{SupabaseBroadcaster.__qualname__}",
            "SUPABASE_URL": config.url,
            "REALTIME_MODE": mode,
            "TOKEN_LIFETIME": timedelta(seconds=lifetime),
            "RETRY_BASE": timedelta(milliseconds=50),
            "RETRY_MAX": timedelta(milliseconds=500),
        }
        gateway = Gateway(config, ahead, options)
        if not given:
            gateway.start()
        site, key = make_site("chaos")
        chaos = Chaos(f"{live_server.url}/spool-live/", gateway, site, key, seed=len(made) + 7)
        right = settings.SPOOL_LIVE

        def rotate(rotated: bool) -> None:
            changed = {"JWT_SIGNING_KEY": "rotated-" * 8} if rotated else {}
            settings.SPOOL_LIVE = {**right, **changed}

        chaos.rotate = rotate
        if proxied:
            behind_proxy(monkeypatch, chaos)
        made.append(chaos)
        return chaos

    yield make
    for one in made:
        one.stop()
