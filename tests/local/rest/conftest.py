from __future__ import annotations

import inspect
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import jwt
import psycopg
import pytest
from supabase import (
    AsyncClientOptions,
    Client,
    ClientOptions,
    acreate_client,
    create_client,
)

from spool_live.local.config import LocalSupabaseConfig
from spool_live.local.instance import LocalDatabase
from spool_live.local.processes import wait_until

TABLES = 'public.evt, public.seat, public.comment, public.diary, public."Odd Name", public.journal'
Mint = Callable[..., str]


@pytest.fixture(scope="package")
def rest(
    local_supabase: LocalSupabaseConfig, local_database: LocalDatabase
) -> Iterator[LocalSupabaseConfig]:
    """The running local Supabase with this package's tables; they go when the package is done."""
    here = Path(__file__).parent
    with psycopg.connect(local_database.conninfo("postgres"), autocommit=True) as connection:
        connection.execute((here / "schema.sql").read_text())
        reload_schema(connection, local_supabase, "journal")
        yield local_supabase
        connection.execute((here / "schema.reverse.sql").read_text())
        connection.execute("notify pgrst, 'reload schema'")


def reload_schema(
    connection: psycopg.Connection[Any], config: LocalSupabaseConfig, table: str
) -> None:
    """Notify the server of the schema, and return once it knows ``table``."""
    connection.execute("notify pgrst, 'reload schema'")
    url, headers = f"{config.url}/rest/v1/{table}?limit=0", {"apikey": config.secret_key}
    wait_until(lambda: httpx.get(url, headers=headers).status_code == 200, what=table)


@pytest.fixture
def sql(rest: LocalSupabaseConfig) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    """The migrating role, in autocommit mode, in front of empty tables."""
    with psycopg.connect(rest.conninfo("postgres"), autocommit=True) as connection:
        connection.execute(f"truncate {TABLES}")
        yield connection


@pytest.fixture
def events(sql: psycopg.Connection[tuple[Any, ...]]) -> None:
    """Four rows in ``evt``."""
    sql.execute(
        "insert into evt (id, site, payload, amount, tags) values"
        """ (1, 'a', '{"k": 1, "deep": {"list": [10, 20]}}', 1.5, '{x,y}'),"""
        " (2, 'a', null, null, '{y}'), (3, 'b', '{\"k\": 3}', 30, null),"
        " (4, 'a,b', '{}', 4, '{}')"
    )


@pytest.fixture
def mint(rest: LocalSupabaseConfig) -> Mint:
    """Makes user tokens: ``mint(role=..., lifetime=..., **claims)``."""

    def make(role: str | None = "authenticated", lifetime: float = 60, **claims: Any) -> str:
        payload = {"exp": int(time.time() + lifetime), **claims}
        if role is not None:
            payload["role"] = role
        return jwt.encode(payload, rest.jwt_secret, algorithm="HS256")

    return make


@pytest.fixture
def http(rest: LocalSupabaseConfig) -> Iterator[httpx.Client]:
    """Plain HTTP with the secret key."""
    headers = {"apikey": rest.secret_key, "Authorization": f"Bearer {rest.secret_key}"}
    with httpx.Client(base_url=f"{rest.url}/rest/v1", headers=headers) as client:
        yield client


class Official(NamedTuple):
    """The official client in one of its two colours."""

    client: Any

    @property
    def table(self) -> Callable[[str], Any]:
        table: Callable[[str], Any] = self.client.table
        return table

    @property
    def rpc(self) -> Callable[..., Any]:
        rpc: Callable[..., Any] = self.client.rpc
        return rpc

    async def run(self, builder: Any) -> Any:
        result = builder.execute()
        return await result if inspect.isawaitable(result) else result


@pytest.fixture(params=["sync", "async"])
async def official(
    request: pytest.FixtureRequest,
    rest: LocalSupabaseConfig,
    sql: psycopg.Connection[tuple[Any, ...]],
) -> AsyncIterator[Official]:
    """The PyPI client ``supabase`` with the secret key, sync and async, before empty tables."""
    if request.param == "sync":
        with httpx.Client() as transport:
            yield Official(_sync_client(rest.url, rest.secret_key, transport))
    else:
        async with httpx.AsyncClient() as transport:
            options = AsyncClientOptions(httpx_client=transport)
            yield Official(await acreate_client(rest.url, rest.secret_key, options))


@pytest.fixture
def client_of(rest: LocalSupabaseConfig) -> Iterator[Callable[..., Client]]:
    """Makes sync clients: ``client_of(api_key)`` or ``client_of(api_key, token)``."""
    with httpx.Client() as transport:

        def make(api_key: str, token: str | None = None) -> Client:
            client = _sync_client(rest.url, api_key, transport)
            if token is not None:
                client.postgrest.auth(token)
            return client

        yield make


def _sync_client(url: str, api_key: str, transport: httpx.Client) -> Client:
    return create_client(url, api_key, ClientOptions(httpx_client=transport))
