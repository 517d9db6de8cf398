"""The whole road on one machine: real API, real database, real Realtime frames."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from django.conf import LazySettings
from pytest_django.live_server_helper import LiveServer

from spool_live import delivery, keys
from spool_live.broadcasters.supabase import SupabaseBroadcaster
from spool_live.delivery import mirror
from spool_live.local.config import LocalSupabaseConfig
from spool_live.models import Site
from tests.testapp.models import Article


@dataclass(frozen=True)
class Road:
    """What a test of the whole road needs at hand."""

    api_url: str
    supabase: LocalSupabaseConfig

    def site(self, name: str) -> tuple[Site, str]:
        """A site that Supabase knows, and the plain text of its API key."""
        site = Site.objects.create(name=name)
        _, plain = keys.create_key(site, name="front end")
        mirror.mirror_pending("default")
        return site, plain

    def token(self, api_key: str) -> dict[str, Any]:
        """The answer of ``POST token/``."""
        response = httpx.post(
            f"{self.api_url}token/", headers={"Authorization": f"Api-Key {api_key}"}
        )
        response.raise_for_status()
        answer: dict[str, Any] = response.json()
        return answer

    def edit(self, site: Site, title: str) -> Article:
        """A new published article, delivered."""
        article = Article.objects.create(site=site, title=title, slug=title, status="published")
        report = delivery.deliver_pending("default")
        assert report.delivered == 1, report
        return article


@pytest.fixture
def road(
    transactional_db: None,
    live_server: LiveServer,
    suite_supabase: LocalSupabaseConfig,
    settings: LazySettings,
) -> Road:
    """The road with the broadcaster of production at its middle."""
    path = f"{SupabaseBroadcaster.__module__}.{SupabaseBroadcaster.__qualname__}"
    settings.SPOOL_LIVE = {**settings.SPOOL_LIVE, "BROADCASTER": path}
    return Road(f"{live_server.url}/spool-live/", suite_supabase)
