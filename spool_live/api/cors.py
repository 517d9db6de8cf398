"""CORS: pages may read the API from the origins in ``CORS_ALLOWED_ORIGINS`` and from no other.

Fetch Standard, section 3.2 (CORS protocol). A page gets a *token* from its own server, which has
the API key, and reads with it what the token may read. So ``token/`` itself is never open to pages,
and cookies are never allowed.
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
    """Answer ``OPTIONS`` with 204: the allowed methods, and what pages of the ``Origin`` may do."""
    response = HttpResponse(status=204, headers={"Allow": ", ".join(methods)})
    if for_pages and allow_origin(request, response):
        response["Access-Control-Allow-Methods"] = METHODS
        response["Access-Control-Allow-Headers"] = HEADERS
        response["Access-Control-Max-Age"] = str(PREFLIGHT_SECONDS)
    return response


def allow_origin(request: HttpRequest, response: HttpResponseBase) -> bool:
    """Let the page read ``response`` if its origin is allowed; return whether it is."""
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
