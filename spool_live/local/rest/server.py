"""``/rest/v1``: tables, views and functions of the exposed schemas over HTTP."""

from __future__ import annotations

from collections.abc import Mapping

import psycopg
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from spool_live.local.config import LocalSupabaseConfig
from spool_live.local.rest.caller import identify
from spool_live.local.rest.errors import ApiError, bad_body, from_postgres
from spool_live.local.rest.execution import Surroundings, run
from spool_live.local.rest.pool import ConnectionPool
from spool_live.local.rest.preferences import choose_media_type, parse_preferences
from spool_live.local.rest.requests import ApiRequest, plan
from spool_live.local.rest.responses import respond, respond_error
from spool_live.local.rest.schema_cache import SchemaCache

_PREFIX = "/rest/v1"
_METHODS = ["GET", "HEAD", "POST", "PATCH", "DELETE", "PUT"]


class RestServer:
    """The REST half of a local Supabase; ``routes`` are for an ASGI application."""

    def __init__(self, config: LocalSupabaseConfig) -> None:
        self._config = config
        self._pool = ConnectionPool(
            config.conninfo("authenticator"), first_pause=config.pace.database_retry
        )
        self._schema_cache = SchemaCache(self._pool, config.exposed_schemas)
        self.routes: list[BaseRoute] = [
            Route(f"{_PREFIX}/{{path:path}}", self._serve, methods=_METHODS)
        ]

    async def start(self) -> None:
        """Connect and read the schema. Raises ``psycopg.Error``."""
        await self._schema_cache.start()

    async def stop(self) -> None:
        await self._schema_cache.stop()
        await self._pool.close()

    async def _serve(self, request: Request) -> Response:
        try:
            return await self._answer(request)
        except ApiError as error:
            return respond_error(error)
        except psycopg.Error as error:
            return respond_error(from_postgres(error, anonymous=False))

    async def _answer(self, request: Request) -> Response:
        caller = identify(self._config, request.headers)
        read = await _read(request, self._config)
        catalog = await self._schema_cache.current()
        planned = plan(read, catalog, self._config)
        surroundings = Surroundings(
            caller=caller,
            role_settings=catalog.role_settings.get(caller.role, {}),
            method=read.method,
            path=read.path,
            headers=dict(request.headers),
            schema=read.schema,
        )
        async with self._pool.connection() as connection:
            result = await run(connection, planned, surroundings)
        return respond(read, planned, result)


async def _read(request: Request, config: LocalSupabaseConfig) -> ApiRequest:
    try:
        body = (await request.body()).decode()
    except UnicodeDecodeError:
        raise bad_body("Empty or invalid json") from None
    return ApiRequest(
        method=request.method,
        path="/" + request.path_params["path"],
        query_string=request.url.query,
        schema=_schema(request.method, request.headers, config),
        content_type=request.headers.get("content-type", ""),
        body=body,
        preferences=parse_preferences(request.headers.getlist("prefer")),
        media_type=choose_media_type(request.headers.get("accept")),
    )


def _schema(method: str, headers: Mapping[str, str], config: LocalSupabaseConfig) -> str:
    """Return the requested schema. Raises ``ApiError`` (PGRST106, 406)."""
    profile = "accept-profile" if method in ("GET", "HEAD") else "content-profile"
    schema = headers.get(profile, config.exposed_schemas[0])
    if schema not in config.exposed_schemas:
        exposed = ", ".join(config.exposed_schemas)
        raise ApiError(
            406,
            "PGRST106",
            f"Invalid schema: {schema}",
            hint=f"Only the following schemas are exposed: {exposed}",
        )
    return schema
