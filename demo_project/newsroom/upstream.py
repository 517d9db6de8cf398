"""The site's server as a subscriber: it holds the API key and asks the live-updates API.

In real life this runs on the site's own machine; here it is a module of the same project, and
still speaks HTTP to ``NEWSROOM_API_URL`` like any other.
"""

from __future__ import annotations

import functools
import time
from typing import Any

import httpx
from django.conf import settings
from django.core.cache import cache

from demo_project.state import load_credentials

MAX_UPDATES = 100
UPDATES_KEPT = 1
"""Seconds that one answer serves all visitors who ask the same."""
VISITOR_WINDOW = 10
VISITOR_LIMIT = 60
"""Questions of one address within that many seconds that the cache has no answer to."""
_USABLE_SHARE = 0.75
"""A token is handed out until this share of its life is over."""


class UpstreamRefusal(Exception):
    """The API said no, or nothing at all. ``code`` is its stable error code."""

    def __init__(self, status: int, code: str, retry_after: str | None = None) -> None:
        super().__init__(f"{status} {code}")
        self.status = status
        self.code = code
        self.headers = {"Retry-After": retry_after} if retry_after else {}


def fetch_token(slug: str, *, stale_epoch: int | None = None) -> dict[str, Any]:
    """A token for the visitors of the site ``slug``, as ``POST token/`` answers it.

    One token serves all visitors until three quarters of its life are over, or until a page says
    that its epoch is stale. ``expires_in`` is what is left of it. Raises ``UpstreamRefusal``.
    """
    name = f"newsroom:token:{slug}"
    kept: dict[str, Any] | None = cache.get(name)
    if kept is None or kept["epoch"] == stale_epoch:
        kept = _ask(slug, "POST", "token/")
        kept["ends"] = time.time() + kept["expires_in"]
        cache.set(name, kept, timeout=kept["expires_in"] * _USABLE_SHARE)
    answer = dict(kept)
    answer["expires_in"] = max(1, int(answer.pop("ends") - time.time()))
    return answer


def fetch_updates(slug: str, *, after: int, limit: int | None, visitor: str) -> dict[str, Any]:
    """At most ``limit`` updates of the site after the cursor, as ``GET updates/`` answers them.

    Visitors share one API key, and what it may ask: an answer serves everybody for a second, and
    one ``visitor`` (an address) can have no more than a part of the rest. Raises
    ``UpstreamRefusal``.
    """
    limit = min(limit or MAX_UPDATES, MAX_UPDATES)
    name = f"newsroom:updates:{slug}:{after}:{limit}"
    kept: dict[str, Any] | None = cache.get(name)
    if kept is None:
        _count(visitor)
        kept = _ask(slug, "GET", "updates/", {"after": after, "limit": limit})
        cache.set(name, kept, timeout=UPDATES_KEPT)
    return kept


def _count(visitor: str) -> None:
    """Raises ``UpstreamRefusal`` where the visitor has had its part of this window."""
    name = f"newsroom:visitor:{visitor}:{int(time.time() // VISITOR_WINDOW)}"
    cache.add(name, 0, timeout=2 * VISITOR_WINDOW)
    if cache.incr(name) > VISITOR_LIMIT:
        raise UpstreamRefusal(429, "throttled", str(VISITOR_WINDOW))


@functools.cache
def http() -> httpx.Client:
    """The one client of this process: it keeps its connections."""
    return httpx.Client(timeout=5, trust_env=False)


def _ask(slug: str, method: str, path: str, params: dict[str, int] | None = None) -> dict[str, Any]:
    key = load_credentials(settings.DEMO_STATE_DIR).api_keys.get(slug)
    if key is None:
        raise UpstreamRefusal(404, "unknown_site")
    try:
        response = http().request(
            method,
            settings.NEWSROOM_API_URL + path,
            params=params,
            headers={"Authorization": f"Api-Key {key}"},
        )
    except httpx.HTTPError as error:
        raise UpstreamRefusal(502, "api_unreachable") from error
    if not response.is_success:
        retry_after = response.headers.get("Retry-After")
        raise UpstreamRefusal(response.status_code, _code(response), retry_after)
    answer: dict[str, Any] = response.json()
    return answer


def _code(response: httpx.Response) -> str:
    try:
        return str(response.json()["code"])
    except (ValueError, KeyError, TypeError):
        return "api_error"
