"""Which pages of other origins may read the API: none, but for those that are named.

Fetch Standard, section 3.2 (CORS protocol). A page may bring a *token* and ask for what that token
may read; it gets its token from its own server, which has the API key. So ``token/`` is never
opened to pages, and cookies are never allowed.
"""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.cache import patch_vary_headers

from spool_live.conf import live_settings

METHODS = "GET"
HEADERS = "Authorization"
EXPOSED = "Retry-After"
PREFLIGHT_SECONDS = 600


def preflight(request: HttpRequest, methods: list[str], *, for_pages: bool) -> HttpResponse:
    """Answer ``OPTIONS`` with 204: what is allowed at all, and what a page of ``Origin`` may do."""
    response = HttpResponse(status=204, headers={"Allow": ", ".join(methods)})
    if for_pages and allow_origin(request, response):
        response["Access-Control-Allow-Methods"] = METHODS
        response["Access-Control-Allow-Headers"] = HEADERS
        response["Access-Control-Max-Age"] = str(PREFLIGHT_SECONDS)
    return response


def allow_origin(request: HttpRequest, response: HttpResponseBase) -> bool:
    """Let the page that asks read ``response``, if its origin is one that is named."""
    allowed = live_settings().cors_allowed_origins
    if not allowed:
        return False
    patch_vary_headers(response, ("Origin",))
    origin = request.headers.get("Origin", "")
    if origin not in allowed:
        return False
    response["Access-Control-Allow-Origin"] = origin
    response["Access-Control-Expose-Headers"] = EXPOSED
    return True
