"""What a site's own server offers to its page, so that the API key never leaves the server."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from .upstream import UpstreamRefusal, fetch_token, fetch_updates


@never_cache
@require_safe
def token(request: HttpRequest, publication: str) -> JsonResponse:
    """A token for the page, with ``refresh_in`` in seconds and ``server_time`` in milliseconds.

    ``?stale_epoch=N`` says that tokens of epoch N are of no use any more.
    """
    stale_epoch = _integer(request, "stale_epoch")
    return _relay(lambda: fetch_token(publication, stale_epoch=stale_epoch))


@never_cache
@require_safe
def updates(request: HttpRequest, publication: str) -> JsonResponse:
    """Catch-up for the page after the cursor ``?after=``; without one, only where the log ends."""
    after = _integer(request, "after")
    return _relay(lambda: fetch_updates(publication, after=after))


def _relay(ask: Callable[[], dict[str, Any]]) -> JsonResponse:
    try:
        answer = ask()
    except UpstreamRefusal as refusal:
        return JsonResponse({"code": refusal.code}, status=refusal.status, headers=refusal.headers)
    return JsonResponse({**answer, "server_time": int(time.time() * 1000)})


def _integer(request: HttpRequest, name: str) -> int | None:
    value = request.GET.get(name, "")
    return int(value) if value.isdecimal() else None
