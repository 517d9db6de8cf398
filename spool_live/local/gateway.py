"""The ASGI application behind a local Supabase's one address: REST, realtime, health and CORS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

_METHODS = ("GET", "HEAD", "POST", "PATCH", "PUT", "DELETE")
_READABLE_HEADERS = (
    "Content-Range",
    "Content-Type",
    "Preference-Applied",
    "Proxy-Status",
    "Retry-After",
    "WWW-Authenticate",
)


class Half(Protocol):
    """A part of the service behind the gateway; it serves between ``start`` and ``stop``."""

    @property
    def routes(self) -> list[BaseRoute]: ...

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


def create_app(halves: Sequence[Half], *, jwks: Mapping[str, Any] | None = None) -> Starlette:
    """Return the ASGI application of ``halves``, which the caller starts and stops.

    ``jwks`` is the JWK Set of the public signing keys; a project publishes it below ``/auth/v1``.
    """

    async def publish_keys(_request: Request) -> Response:
        return JSONResponse(jwks or {"keys": []})

    routes = [route for half in halves for route in half.routes]
    routes.append(Route("/auth/v1/.well-known/jwks.json", publish_keys, methods=["GET"]))
    cors = Middleware(
        CORSMiddleware,
        allow_origins=["*"],
        allow_methods=_METHODS,
        allow_headers=[
            "*"
        ],  # the request's own are mirrored: clients send apikey, prefer, accept-profile and more
        expose_headers=_READABLE_HEADERS,
        max_age=3600,
    )
    not_found = {404: _not_found}
    health = Route("/health", _health, methods=["GET"])
    return Starlette(routes=[health, *routes], middleware=[cors], exception_handlers=not_found)


async def _health(_request: Request) -> Response:
    """Answer 200 while the application runs: it starts after the database and stops before it."""
    return JSONResponse({"status": "ok"})


async def _not_found(request: Request, _error: Exception) -> Response:
    """Answer as the hosted gateway does for a service that is not mounted (auth, storage,
    functions)."""
    message = f"The local Supabase does not serve {request.url.path}"
    return JSONResponse({"message": message, "hint": "It has /rest/v1 and /realtime/v1."}, 404)
