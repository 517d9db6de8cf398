"""What leaks is reported: the oracle is the attack itself, through REST, as anon and as the other
tenant."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import jwt
import psycopg
import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connections
from starlette.applications import Starlette

from spool_live.isolation import Finding, Severity, verify
from spool_live.isolation.probes.claims import token_claims
from spool_live.local.config import LocalSupabaseConfig
from spool_live.local.rest.server import RestServer
from tests.isolation.generated import Way, ways
from tests.scratch import fresh_project

SECRET = "what-only-site-b-may-know"
A, B, KEY_A, KEY_B = (str(uuid.uuid4()) for _ in range(4))
WAYS = list(ways(json.dumps(token_claims(B, KEY_B))))


@pytest.fixture
def broken(tmp_path: Path, _database: None) -> Iterator[tuple[str, LocalSupabaseConfig]]:
    """A database with all the ways in it, and an update of site B that came after them."""
    with fresh_project("grant-none", tmp_path) as alias:
        call_command("migrate", database=alias, verbosity=0)
        name = connections[alias].settings_dict["NAME"]
        config = replace(settings.LOCAL_SUPABASE, database_name=name)
        with psycopg.connect(config.conninfo("supabase_admin"), autocommit=True) as connection:
            connection.execute("grant all on realtime.messages to postgres")
            connection.execute(
                "create schema hidden authorization postgres;"
                "grant usage on schema hidden to anon, authenticated, service_role"
            )
            for way in WAYS:
                role = "supabase_admin" if "set_config('request" in way.sql else "postgres"
                connection.execute(f"set role {role}; {way.sql}; reset role".encode())
            _fill(connection)
        yield alias, config


def _fill(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    for site, key in ((A, KEY_A), (B, KEY_B)):
        connection.execute("insert into public.sites (id, name) values (%s, 'x')", [site])
        given = {"site_id": site, "version": 1, "epoch": 1, "api_keys": [{"id": key}]}
        connection.execute("select public.spool_live_mirror(%s::jsonb)", [json.dumps(given)])
    connection.execute(
        "insert into public.live_updates (site_id, event_type, collection, item_id, slug, seq)"
        " values (%s, 'content.updated', 'x', gen_random_uuid(), %s, 1)",
        [B, SECRET],
    )
    for way in WAYS:
        if "materialized" in way.sql:
            connection.execute(f"refresh materialized view public.{way.name}".encode())


@asynccontextmanager
async def _rest(config: LocalSupabaseConfig) -> AsyncIterator[httpx.AsyncClient]:
    server = RestServer(config)
    await server.start()
    try:
        transport = httpx.ASGITransport(Starlette(routes=server.routes))
        async with httpx.AsyncClient(transport=transport, base_url="http://rest") as client:
            yield client
    finally:
        await server.stop()


async def _leaks(client: httpx.AsyncClient, way: Way, headers: dict[str, str]) -> bool:
    if way.is_function:
        answer = await client.post(f"/rest/v1/rpc/{way.name}", headers=headers, json={})
    else:
        answer = await client.get(f"/rest/v1/{way.name}", headers=headers)
    return answer.is_success and SECRET in answer.text


@pytest.mark.timeout(300)
async def test_what_leaks_through_rest_is_an_error_and_named(
    broken: tuple[str, LocalSupabaseConfig],
) -> None:
    alias, config = broken
    now = int(time.time())
    claims = token_claims(A, KEY_A, iat=now, exp=now + 600)
    token = jwt.encode(claims, config.jwt_secret, algorithm="HS256")
    anon = {"apikey": config.publishable_key}
    leaking: list[Way] = []
    async with _rest(config) as client:
        for way in WAYS:
            tenant = {**anon, "Authorization": f"Bearer {token}"}
            if await _leaks(client, way, anon) or await _leaks(client, way, tenant):
                leaking.append(way)
    report = await _verified(alias)
    errors = {f.subject.partition("(")[0] for f in report if f.severity is Severity.ERROR}
    missed = [way.what for way in leaking if f"public.{way.name}" not in errors]
    assert len(leaking) >= 100, f"only {len(leaking)} of {len(WAYS)} leak: the oracle is blind"
    assert missed == []
    closed = [way for way in WAYS if way.what.partition(", for ")[2].startswith("service_role")]
    accused = [way.what for way in closed if f"public.{way.name}" in errors]
    assert accused == [], "what no API caller may touch is not an error"


async def _verified(alias: str) -> tuple[Finding, ...]:
    from asgiref.sync import sync_to_async

    return (await sync_to_async(verify, thread_sensitive=True)(alias)).findings
