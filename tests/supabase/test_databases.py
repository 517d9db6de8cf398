from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from spool_live.conf import live_settings
from spool_live.supabase import databases
from spool_live.supabase.databases import content_databases, is_supabase_database
from tests.scratch import pointed_at

Live = Callable[..., None]


@pytest.mark.django_db(databases="__all__")
def test_content_is_on_every_alias_but_that_of_supabase() -> None:
    assert sorted(content_databases()) == ["default", "other"]


@pytest.mark.django_db(databases="__all__")
def test_default_comes_first_in_whatever_order_they_are_declared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is kept once for all of them, such as alerts, is kept there."""
    backwards = dict(reversed(connections.settings.items()))
    monkeypatch.setattr(connections, "settings", backwards)
    assert list(connections)[-1] == "default"
    assert content_databases() == ["default", "other"]


@pytest.mark.django_db(databases="__all__")
def test_asks_the_databases_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(databases, "_migrated", set())
    content_databases()
    for alias in ("default", "other"):
        with CaptureQueriesContext(connections[alias]) as queries:
            content_databases()
        assert len(queries) == 0


@pytest.mark.django_db(databases="__all__")
def test_alias_that_the_routers_keep_us_off(settings: Any) -> None:
    class Off:
        def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool | None:
            return False if db == "other" else None

    settings.DATABASE_ROUTERS = [*settings.DATABASE_ROUTERS, Off()]
    assert content_databases() == ["default"]


def test_alias_that_was_never_migrated(
    tmp_path: Path,
    django_db_setup: None,
    django_db_blocker: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A project's other database, without a router that says so."""
    monkeypatch.setattr(databases, "_migrated", set())
    with django_db_blocker.unblock(), pointed_at("other", NAME=tmp_path / "legacy.sqlite3"):
        assert content_databases() == ["default"]


def test_default_is_one_even_before_it_is_migrated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """So that commands report a migration that was forgotten."""
    monkeypatch.setattr(databases, "_migrated", {"other", "supabase"})
    assert "default" in content_databases()


def test_supabase_database_is_the_postgresql_that_the_settings_name(live: Live) -> None:
    alias = live_settings().supabase_database
    assert [name for name in connections if is_supabase_database(name)] == [alias]
    live(SUPABASE_DATABASE="other")
    assert not any(is_supabase_database(name) for name in connections)
