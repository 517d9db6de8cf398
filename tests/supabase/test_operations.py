from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import connections
from django.db.migrations.writer import MigrationWriter

from spool_live.conf import live_settings
from spool_live.supabase.databases import is_supabase_database
from spool_live.supabase.operations import ProvisionSupabase, RunSupabaseSQL

Live = Callable[..., None]


def test_concerns_the_supabase_database_and_no_other() -> None:
    alias = live_settings().supabase_database
    assert is_supabase_database(alias)
    assert [name for name in connections if is_supabase_database(name)] == [alias]
    assert is_supabase_database(alias, separate_only=True) is (alias != "default")


def test_concerns_nothing_where_that_is_no_postgresql(live: Live) -> None:
    live(SUPABASE_DATABASE="other")
    assert not any(is_supabase_database(name) for name in connections)


@pytest.mark.parametrize(
    ("operation", "text"),
    [
        (
            RunSupabaseSQL("0002_mirror"),
            "spool_live.supabase.operations.RunSupabaseSQL('0002_mirror')",
        ),
        (
            RunSupabaseSQL("0002_sites", separate_only=True),
            "spool_live.supabase.operations.RunSupabaseSQL('0002_sites', separate_only=True)",
        ),
        (ProvisionSupabase(), "spool_live.supabase.operations.ProvisionSupabase()"),
    ],
    ids=lambda value: "" if isinstance(value, str) else value.describe(),
)
def test_operations_can_be_written_into_a_migration(operation: object, text: str) -> None:
    name, arguments, keywords = operation.deconstruct()  # type: ignore[attr-defined]
    parts = [MigrationWriter.serialize(value)[0] for value in arguments]
    parts += [f"{key}={MigrationWriter.serialize(value)[0]}" for key, value in keywords.items()]
    assert f"{type(operation).__module__}.{name}({', '.join(parts)})" == text


def test_operations_say_what_they_do() -> None:
    assert "0002_mirror.sql" in RunSupabaseSQL("0002_mirror").describe()
    assert "policies" in ProvisionSupabase().describe()
