"""Token and catch-up from a site's own server, so that the API key never leaves the server."""

from __future__ import annotations

import re

from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from .upstream import UpstreamRefusal, fetch_token, fetch_updates

_DIGITS = re.compile(r"[0-9]{1,18}")


@never_cache
@require_safe
def live(request: HttpRequest, publication: str) -> JsonResponse:
    """Answer the requests of ``fromEndpoint`` in the JavaScript package.

    ``?token`` returns a token (with ``&stale_epoch=N``, not one of epoch N), ``?after=N&limit=N``
    the updates after the cursor.
    """
    after = _integer(request, "after")
    try:
        if "token" in request.GET:
            answer = fetch_token(publication, stale_epoch=_integer(request, "stale_epoch"))
        elif after is not None:
            answer = fetch_updates(
                publication,
                after=after,
                limit=_integer(request, "limit"),
                visitor=request.META["REMOTE_ADDR"],
            )
        else:
            return JsonResponse({"code": "invalid"}, status=400)
    except UpstreamRefusal as refusal:
        return JsonResponse({"code": refusal.code}, status=refusal.status, headers=refusal.headers)
    return JsonResponse(answer)


def _integer(request: HttpRequest, name: str) -> int | None:
    """Return a parameter of at most 18 ASCII digits as a number; treat others as missing."""
    value = request.GET.get(name, "")
    return int(value) if _DIGITS.fullmatch(value) else None
