"""A small real CMS on a real socket: a subscriber's endpoints, over a log in memory."""

from __future__ import annotations

import asyncio
import socket
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

SITE = "0a0a0a0a-0000-4000-8000-000000000001"
KEY = "sk_test.secret"


@dataclass
class Cms:
    """A CMS whose fields script its answers; it counts the requests."""

    supabase_url: str = "http://127.0.0.1:1"
    site_id: str = SITE
    mode: str = "broadcast"
    keys: set[str] = field(default_factory=lambda: {KEY})
    epoch: int = 1
    lifetime: float = 600
    log: list[dict[str, Any]] = field(default_factory=list)
    seq: int = 0
    oldest: int = 0
    page: int = 500
    down: bool = False
    hang: bool = False
    answers: list[Response] = field(default_factory=list)
    gateway: Callable[[str], Response | None] = lambda path: None
    """The answer of a gateway in front of the CMS, by path, in place of the CMS's own."""
    token_requests: int = 0
    update_requests: list[int] = field(default_factory=list)
    port: int = 0

    def record(self, *, visible: bool = True, **fields: Any) -> dict[str, Any]:
        """Add an update with the next number to the log."""
        self.seq += 1
        update = {
            "id": str(uuid.uuid4()),
            "site_id": self.site_id,
            "event_type": "content.updated",
            "collection": "articles",
            "slug": f"article-{self.seq}",
            "item_id": str(uuid.uuid4()),
            "timestamp": "2026-11-22T10:00:00+00:00",
            "metadata": {},
            "seq": self.seq,
        } | fields
        if visible:
            self.log.append(update)
        return update

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/spool-live/"

    @property
    def topic(self) -> str:
        return f"site:{self.site_id}:{self.epoch}"

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/spool-live/token/", self._token, methods=["POST"]),
                Route("/spool-live/updates/", self._updates),
                Route("/spool-live/site/", self._site),
            ]
        )

    async def _refusal(self, request: Request) -> Response | None:
        if foreign := self.gateway(request.url.path):
            return foreign
        if self.hang:
            await asyncio.sleep(60)
        if self.answers:
            return self.answers.pop(0)
        if self.down:
            return JSONResponse({"detail": "down", "code": "down"}, 503)
        if request.headers.get("authorization", "").removeprefix("Api-Key ") not in self.keys:
            return JSONResponse({"detail": "Invalid API key.", "code": "invalid_credentials"}, 401)
        return None

    async def _token(self, request: Request) -> Response:
        self.token_requests += 1
        if refusal := await self._refusal(request):
            return refusal
        realtime = {
            "mode": self.mode,
            "broadcast": {"topic": self.topic, "private": True, "event": "live_updates"},
            "postgres_changes": {
                "topic": f"live_updates:site_id=eq.{self.site_id}",
                "schema": "public",
                "table": "live_updates",
                "event": "INSERT",
                "filter": f"site_id=eq.{self.site_id}",
            },
        }
        return JSONResponse(
            {
                "token": f"jwt-{self.token_requests}",
                "token_type": "Bearer",
                "expires_in": self.lifetime,
                "expires_at": "2000-01-01T00:00:00Z",
                "site_id": self.site_id,
                "epoch": self.epoch,
                "supabase_url": self.supabase_url,
                "supabase_key": "sb_publishable_test",
                "realtime": realtime,
                "seq": self.seq,
            }
        )

    async def _updates(self, request: Request) -> Response:
        after = int(request.query_params["after"])
        self.update_requests.append(after)
        if refusal := await self._refusal(request):
            return refusal
        limit = min(int(request.query_params["limit"]), self.page)
        base: dict[str, Any] = {"status": "recovered", "results": [], "next": None}
        base |= {"seq": self.seq, "epoch": self.epoch}
        if after < self.oldest or after > self.seq:
            return JSONResponse(base | {"status": "reset"})
        rows = sorted((u for u in self.log if u["seq"] > after), key=lambda u: u["seq"])
        more = len(rows) > limit
        rows = rows[:limit]
        return JSONResponse(base | {"results": rows, "next": rows[-1]["seq"] if more else None})

    async def _site(self, request: Request) -> Response:
        if refusal := await self._refusal(request):
            return refusal
        key = {"id": "1", "name": "test", "prefix": "sk_test", "expires_at": None}
        body = {"site_id": self.site_id, "name": "Test site", "key": key}
        return JSONResponse(body, headers={"Date": formatdate(usegmt=True)})


@asynccontextmanager
async def running_cms(cms: Cms) -> AsyncIterator[Cms]:
    listener = socket.create_server(("127.0.0.1", cms.port), backlog=2048)
    cms.port = listener.getsockname()[1]
    config = uvicorn.Config(cms.app(), log_level="error", lifespan="off", loop="asyncio")
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup([listener])  # without the main loop, whose ticks make tests slow
    try:
        yield cms
    finally:
        for accepting in server.servers:
            accepting.close()
        for task in server.server_state.tasks:
            task.cancel()
        for connection in list(server.server_state.connections):
            connection.transport.abort()
        await asyncio.gather(*server.server_state.tasks, return_exceptions=True)
