"""Fresh databases: both of Supabase's default privileges, both modes, every PostgreSQL there is."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import psycopg
import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connections
from django.test import override_settings
from psycopg import sql
from pytest_django.plugin import DjangoDbBlocker

from spool_live.isolation import Report, verify
from spool_live.local import binaries
from spool_live.local.binaries import BIN_VARIABLE, PostgresBinaries, find_postgres
from spool_live.local.bootstrap import bootstrap
from spool_live.local.config import AT_ONCE, LocalSupabaseConfig, PrivilegeWorld
from spool_live.local.postgres import EmbeddedPostgres
from spool_live.local.processes import free_port
from tests.isolation.conftest import database_alias


def _installed() -> list[PostgresBinaries]:
    """One PostgreSQL of each major version; only the named one where one is named."""
    if os.environ.get(BIN_VARIABLE):
        return [find_postgres()]
    by_major = {found.major: found for found in binaries._candidates() if found.complete}
    return [by_major[major] for major in sorted(by_major)]


@pytest.fixture(scope="module", params=_installed(), ids=lambda found: f"PostgreSQL {found.major}")
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LocalSupabaseConfig]:
    """A running PostgreSQL of its own, empty."""
    config = LocalSupabaseConfig.generate(
        tmp_path_factory.mktemp("server"), database_port=free_port(), pace=AT_ONCE
    )
    with EmbeddedPostgres(
        config.state_dir,
        port=config.database_port,
        password=config.database_password,
        binaries=request.param,
    ):
        yield config


@contextmanager
def fresh_database(
    server: LocalSupabaseConfig, world: PrivilegeWorld, *, one_database: bool
) -> Iterator[str]:
    """The alias of a migrated database in ``world``: ``default``, or one beside it."""
    name = f"{world}-{'one' if one_database else 'two'}"
    config = replace(server, database_name=name, privilege_world=world)
    with psycopg.connect(server.conninfo("supabase_admin"), autocommit=True) as connection:
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    bootstrap(config)
    alias = "default" if one_database else "separate"
    place = {"NAME": name, "PORT": config.database_port, "PASSWORD": config.database_password}
    with (
        database_alias(alias, **place),
        override_settings(SPOOL_LIVE={**settings.SPOOL_LIVE, "SUPABASE_DATABASE": alias}),
    ):
        call_command("migrate", database=alias, verbosity=0)
        yield alias


def _heal(alias: str, report: Report) -> None:
    """Runs the SQL of the findings as the migrating role, as an operator would."""
    with connections[alias].cursor() as cursor:
        for finding in report.findings:
            cursor.execute(finding.sql)


@pytest.mark.parametrize("mode", ["one database", "two databases"])
@pytest.mark.parametrize("world", ["grant-all", "grant-none"])
def test_fresh_database_is_isolated_once_its_findings_are_healed(
    server: LocalSupabaseConfig,
    django_db_blocker: DjangoDbBlocker,
    world: PrivilegeWorld,
    mode: str,
) -> None:
    one_database = mode == "one database"
    with (
        django_db_blocker.unblock(),
        fresh_database(server, world, one_database=one_database) as alias,
    ):
        report = verify(alias)
        found = {(finding.code, finding.subject): finding for finding in report.findings}
        exposed = {subject for code, subject in found if code == "RLS-E01"}
        codes = {code for code, _ in found} - {"RLS-E01"}
        if one_database and world == "grant-all":
            assert {"public.auth_user", "public.django_session", "public.testapp_article"} < exposed
            assert found["RLS-E01", "public.auth_user"].sql == (
                "revoke all on public.auth_user from anon, authenticated;"
            )
            assert codes == {"RLS-E07"}
        else:
            assert report.isolated
            assert codes == set()
        _heal(alias, report)
        assert verify(alias).findings == ()
