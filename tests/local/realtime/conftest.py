"""A realtime server and the tables of the recordings, for the whole session."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from spool_live.local.config import LocalSupabaseConfig
from spool_live.local.instance import LocalDatabase
from tests.local.realtime.serving import Serving, serve

Sql = Callable[..., list[Any]]


@pytest.fixture(scope="session")
def recorded_schema(local_database: LocalDatabase) -> None:
    """The tables and policies behind the recordings."""
    schema = Path(__file__).with_name("schema.sql").read_text()
    with psycopg.connect(local_database.conninfo("postgres")) as connection:
        connection.execute(schema)


@pytest.fixture(scope="session")
def serving(recorded_schema: None, local_config: LocalSupabaseConfig) -> Iterator[Serving]:
    """A server with the defaults."""
    with serve(local_config) as running:
        yield running


@pytest.fixture(scope="session")
def sql_connection(
    recorded_schema: None, local_database: LocalDatabase
) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(local_database.conninfo("postgres"), autocommit=True) as connection:
        yield connection


@pytest.fixture
def sql(sql_connection: psycopg.Connection[Any]) -> Sql:
    """Run a statement as the migrating role and commit it; returns the rows, if there are any."""

    def run(statement: str, *parameters: object) -> list[Any]:
        cursor = sql_connection.execute(statement.encode(), parameters or None)
        return cursor.fetchall() if cursor.description else []

    return run
