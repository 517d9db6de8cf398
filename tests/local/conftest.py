"""A local Supabase for the tests of its parts: one database for the whole session."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from spool_live.local.config import AT_ONCE, LocalSupabaseConfig
from spool_live.local.instance import LocalDatabase, local_database
from spool_live.local.processes import free_port
from spool_live.local.server import serving_local_supabase


@pytest.fixture(scope="session")
def local_config(tmp_path_factory: pytest.TempPathFactory) -> LocalSupabaseConfig:
    """Addresses and secrets of this session's local Supabase."""
    return LocalSupabaseConfig.generate(
        tmp_path_factory.mktemp("supabase"),
        port=free_port(),
        database_port=free_port(),
        pace=AT_ONCE,
    )


@pytest.fixture(scope="session", name="local_database")
def local_database_fixture(local_config: LocalSupabaseConfig) -> Iterator[LocalDatabase]:
    """The bootstrapped database, running for the whole session."""
    with local_database(local_config) as database:
        _publish_everything(local_config)
        yield database


@pytest.fixture(scope="session")
def local_supabase(local_database: LocalDatabase) -> Iterator[LocalSupabaseConfig]:
    """``local_database`` behind the gateway, served for the whole session."""
    with serving_local_supabase(local_database) as config:
        yield config


def _publish_everything(config: LocalSupabaseConfig) -> None:
    """As a project of the hosted service begins, where the recordings come from; ours begins with
    inserts only."""
    with psycopg.connect(config.conninfo("postgres")) as connection:
        connection.execute(
            "alter publication supabase_realtime set (publish = 'insert, update, delete, truncate')"
        )
