"""A realtime server and the tables of the recordings, for the whole session."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from spool_live.local.config import LocalSupabaseConfig
from spool_live.local.instance import LocalDatabase
from spool_live.local.realtime.options import RealtimeOptions
from tests.local.realtime.serving import Serving, serve
from tests.local.realtime.sql import MakeTable, Sql
from tests.local.realtime.witness import Witness


@pytest.fixture(scope="session")
def recorded_schema(local_database: LocalDatabase) -> None:
    """The tables and policies behind the recordings."""
    schema = Path(__file__).with_name("schema.sql").read_text()
    with psycopg.connect(local_database.conninfo("postgres")) as connection:
        connection.execute(schema)


@pytest.fixture(scope="session")
def serving(recorded_schema: None, local_config: LocalSupabaseConfig) -> Iterator[Serving]:
    """A server with the defaults, but that new tables are not announced in the midst of a test."""
    with serve(local_config, options=RealtimeOptions(publication_check=3600)) as running:
        yield running


@pytest.fixture(scope="session")
def sql_connection(
    recorded_schema: None, local_database: LocalDatabase
) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(local_database.conninfo("postgres"), autocommit=True) as connection:
        yield connection


@pytest.fixture
async def witness(serving: Serving, sql: Sql) -> AsyncIterator[Witness]:
    """Proves absence on ``serving``."""
    async with Witness.of(serving, sql) as witness:
        yield witness


@pytest.fixture
def make_table(sql: Sql) -> Iterator[MakeTable]:
    """Create a table of the given columns that role ``authenticated`` may read; with ``rls``, only
    rows whose ``site`` is in the claim ``sites``. It has ``rows`` when it is published. Returns its
    name."""
    names: list[str] = []

    def make(columns: str, *, rls: bool = False, grant: str = "select", rows: str = "") -> str:
        name = f"made_{uuid4().hex[:12]}"
        names.append(name)
        sql(f"create table {name} ({columns})")
        sql(f"grant {grant} on {name} to authenticated")
        if rls:
            sql(f"alter table {name} enable row level security")
            sql(f"create policy own on {name} for select using (claimed_sites() ? site)")
        if rows:
            sql(f"insert into {name} values {rows}")
        sql(f"alter publication supabase_realtime add table {name}")
        return name

    yield make
    for name in names:
        sql(f"drop table if exists {name}")


@pytest.fixture
def sql(sql_connection: psycopg.Connection[Any]) -> Sql:
    """Run a statement as the migrating role and commit it; returns the rows, if there are any."""

    def run(statement: str, *parameters: object) -> list[Any]:
        cursor = sql_connection.execute(statement.encode(), parameters or None)
        return cursor.fetchall() if cursor.description else []

    return run
