"""``0001_tables`` in place of ``0001_initial``: the same tables, and installations go on."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import connections
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import QuerySet
from pytest_django.plugin import DjangoDbBlocker

from spool_live.models import SiteApiKey
from spool_live.supabase.provisioning import CONTENT_TABLES
from tests.scratch import fresh_project


@pytest.fixture
def unblocked(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    with django_db_blocker.unblock():
        yield


def install_the_first_release(alias: str) -> None:
    """What the first two migrations made before any was replaced."""
    for name in dict.fromkeys(["default", alias]):
        executor = MigrationExecutor(connections[name])
        executor.loader = loader = MigrationLoader(connections[name], replace_migrations=False)
        first = ("spool_live", "0001_initial")
        loader.graph.add_dependency(first, first, ("auth", "0001_initial"))
        executor.migrate([("spool_live", "0002_supabase")])
        MigrationRecorder(connections[name]).record_unapplied("spool_live", "0001_tables")


def described() -> dict[str, Any]:
    """Columns, keys and indexes of the content's tables."""
    introspection = connections["default"].introspection
    with connections["default"].cursor() as cursor:
        return {
            table: (
                introspection.get_table_description(cursor, table),
                introspection.get_constraints(cursor, table),
            )
            for table in CONTENT_TABLES
            if table in introspection.table_names(cursor)
        }


def applied() -> set[str]:
    found = MigrationRecorder(connections["default"]).applied_migrations()
    return {name for app, name in found if app == "spool_live"}


@pytest.mark.usefixtures("unblocked")
def test_tables_are_the_same(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    with fresh_project("grant-all", tmp_path / "old") as alias:
        install_the_first_release(alias)
        old = described()
    with fresh_project("grant-all", tmp_path) as alias:
        for name in dict.fromkeys(["default", alias]):
            call_command("migrate", "spool_live", "0002", database=name, verbosity=0)
        assert described() == old
    assert "site_api_keys" in old


@pytest.mark.usefixtures("unblocked")
def test_installation_goes_on(tmp_path: Path) -> None:
    with fresh_project("grant-all", tmp_path) as alias:
        install_the_first_release(alias)
        assert applied() == {"0001_initial", "0002_supabase"}
        call_command("migrate", "auth", verbosity=0)
        user = get_user_model().objects.create(username="editor")
        site_id = uuid.uuid4()
        old = SiteApiKey(site_id=site_id, name="x", prefix="p", created_by=user)
        with connections["default"].cursor() as cursor:
            native = connections["default"].features.has_native_uuid_field
            given = site_id if native else site_id.hex
            cursor.execute("INSERT INTO sites (id, name) VALUES (%s, 'Courier')", [given])
        QuerySet[SiteApiKey](SiteApiKey).bulk_create([old])  # what a save records has no table yet
        for name in dict.fromkeys(["default", alias]):
            call_command("migrate", database=name, verbosity=0)
        assert {"0001_initial", "0001_tables"} < applied()
        assert SiteApiKey.objects.select_related("created_by").get().created_by == user
        call_command("migrate", "spool_live", "zero", verbosity=0)
        assert applied() == set()
