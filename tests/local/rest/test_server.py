"""The REST half by itself, on databases of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace

import httpx
import psycopg
import pytest
from psycopg import sql

from spool_live.local.bootstrap import bootstrap
from spool_live.local.config import LocalSupabaseConfig, PrivilegeWorld
from spool_live.local.gateway import create_app
from spool_live.local.instance import LocalDatabase
from spool_live.local.rest.server import RestServer
from tests.waiting import eventually


@pytest.fixture(params=["grant-all", "grant-none"])
def world(request: pytest.FixtureRequest) -> PrivilegeWorld:
    chosen: PrivilegeWorld = request.param
    return chosen


@pytest.fixture
def project(local_database: LocalDatabase, world: PrivilegeWorld) -> Iterator[LocalSupabaseConfig]:
    """A bootstrapped database in ``world``."""
    name = f"project_{world.replace('-', '_')}"
    with psycopg.connect(local_database.conninfo(), autocommit=True) as connection:
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        config = replace(local_database.config, database_name=name, privilege_world=world)
        bootstrap(config)
        yield config
        connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@asynccontextmanager
async def serving(config: LocalSupabaseConfig) -> AsyncIterator[httpx.AsyncClient]:
    half = RestServer(config)
    transport = httpx.ASGITransport(create_app([half]))
    try:
        await half.start()
        async with httpx.AsyncClient(transport=transport, base_url="http://local/rest/v1") as http:
            yield http
    finally:
        await half.stop()


async def test_new_tables_are_open_or_closed_as_the_world_says(
    project: LocalSupabaseConfig, world: PrivilegeWorld
) -> None:
    with psycopg.connect(project.conninfo("postgres"), autocommit=True) as connection:
        connection.execute("create table note (id serial primary key, body text)")
    async with serving(project) as client:
        for key, denied in ((project.secret_key, 403), (project.publishable_key, 401)):
            headers = {"apikey": key}
            written = await client.post("/note", json={"body": "x"}, headers=headers)
            read = await client.get("/note", headers=headers)
            expected = (201, 200) if world == "grant-all" else (denied, denied)
            assert (written.status_code, read.status_code) == expected


async def test_explicit_grants_work_in_both_worlds(project: LocalSupabaseConfig) -> None:
    with psycopg.connect(project.conninfo("postgres"), autocommit=True) as connection:
        connection.execute("create table note (id int primary key)")
        connection.execute("grant select, insert on note to service_role")
        connection.execute("revoke all on note from anon")
    async with serving(project) as client:
        secret, public = {"apikey": project.secret_key}, {"apikey": project.publishable_key}
        assert (await client.post("/note", json={"id": 1}, headers=secret)).status_code == 201
        assert (await client.get("/note", headers=public)).status_code == 401


@pytest.mark.parametrize("world", ["grant-none"], indirect=True)
async def test_lost_connections_give_503_once_and_then_answers(
    project: LocalSupabaseConfig,
) -> None:
    headers = {"apikey": project.secret_key}
    with psycopg.connect(project.conninfo("postgres"), autocommit=True) as connection:
        connection.execute("create table note (id int primary key)")
        connection.execute("grant select on note to service_role")
        async with serving(project) as client:
            assert (await client.get("/note", headers=headers)).status_code == 200
            with psycopg.connect(project.conninfo("supabase_admin")) as admin:
                admin.execute(
                    "select pg_terminate_backend(pid, 5000) from pg_stat_activity"
                    " where usename = 'authenticator' and datname = current_database()"
                )
            refused = await client.get("/note", headers=headers)
            assert refused.status_code == 503
            assert (await client.get("/note", headers=headers)).status_code == 200


@pytest.mark.parametrize("world", ["grant-none"], indirect=True)
async def test_reloads_are_heard_again_after_the_listener_was_cut_off(
    project: LocalSupabaseConfig, caplog: pytest.LogCaptureFixture
) -> None:
    def listeners() -> int:
        with psycopg.connect(project.conninfo("supabase_admin")) as admin:
            row = admin.execute(
                "select count(*) from pg_stat_activity where query = 'listen pgrst'"
                " and datname = current_database()"
            ).fetchone()
        return int(row[0]) if row else 0

    async with serving(project):
        await eventually(lambda: listeners() == 1)
        with psycopg.connect(project.conninfo("supabase_admin")) as admin:
            admin.execute(
                "select pg_terminate_backend(pid, 5000) from pg_stat_activity"
                " where query = 'listen pgrst' and datname = current_database()"
            )
        assert listeners() == 0
        await eventually(lambda: listeners() == 1)
    assert project.database_password not in caplog.text
