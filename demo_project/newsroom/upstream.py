"""The site's server as a subscriber: it holds the API key and sends requests to the API.

In production this would run on the site's own machine. Here it is a module of the same project, but
it uses HTTP to ``NEWSROOM_API_URL`` like any other subscriber.
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
"""Seconds for which one answer serves all visitors with the same request."""
VISITOR_WINDOW = 10
VISITOR_LIMIT = 60
"""Requests of one address in that time that the cache cannot answer."""
_USABLE_SHARE = 0.75
"""The part of a token's life after which it is not handed out any more."""


class UpstreamRefusal(Exception):
    """An error answer of the API, or none at all. ``code`` is the API's stable error code."""

    def __init__(self, status: int, code: str, retry_after: str | None = None) -> None:
        super().__init__(f"{status} {code}")
        self.status = status
        self.code = code
        self.headers = {"Retry-After": retry_after} if retry_after else {}


def fetch_token(slug: str, *, stale_epoch: int | None = None) -> dict[str, Any]:
    """Return a token for the visitors of the site ``slug``, in the form of ``POST token/``.

    One token serves all visitors until three quarters of its life are over, or until a page reports
    that its epoch is stale. ``expires_in`` is its remaining life. Raises ``UpstreamRefusal``.
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
    """Return at most ``limit`` updates of the site after the cursor, as ``GET updates/`` does.

    Visitors share one API key and its rate limit: an answer serves all of them for a second, and
    one ``visitor`` (an address) can use only a part of the limit. Raises ``UpstreamRefusal``.
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
    """Raise ``UpstreamRefusal`` if the visitor has used up its part of the limit."""
    name = f"newsroom:visitor:{visitor}:{int(time.time() // VISITOR_WINDOW)}"
    cache.add(name, 0, timeout=2 * VISITOR_WINDOW)
    if cache.incr(name) > VISITOR_LIMIT:
        raise UpstreamRefusal(429, "throttled", str(VISITOR_WINDOW))


@functools.cache
def http() -> httpx.Client:
    """Return the process's one HTTP client, which keeps its connections open."""
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
