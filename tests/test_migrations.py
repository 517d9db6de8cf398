"""The migrations on real databases: there and back, in every world that Supabase has."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connections
from pytest_django.plugin import DjangoDbBlocker

from spool_live.conf import live_settings
from spool_live.local.config import PrivilegeWorld
from spool_live.supabase.provisioning import CONTENT_TABLES
from tests.scratch import fresh_project

WORLDS: tuple[PrivilegeWorld, ...] = ("grant-all", "grant-none")
OUTSIDERS = ("anon", "authenticated")
MONITORING = ("live_heartbeats", "live_counters", "live_alert_episodes", "live_alert_notices")


@pytest.fixture
def _unblocked(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    with django_db_blocker.unblock():
        yield


@pytest.fixture(params=WORLDS)
def project(request: pytest.FixtureRequest, _unblocked: None, tmp_path: Path) -> Iterator[str]:
    """Empty databases; the alias of the Supabase one."""
    with fresh_project(request.param, tmp_path) as alias:
        yield alias


def migrate(*target: str) -> None:
    """Migrates ``spool_live`` on the aliases that the project uses."""
    for alias in dict.fromkeys(["default", live_settings().supabase_database]):
        call_command("migrate", "spool_live", *target, database=alias, verbosity=0)


def value(alias: str, query: str, *parameters: Any) -> object:
    with connections[alias].cursor() as cursor:
        cursor.execute(query, parameters or None)
        return cursor.fetchone()[0]


def traces(alias: str) -> set[str]:
    """The names of everything on the Supabase database that can be ours."""
    with connections[alias].cursor() as cursor:
        cursor.execute(
            """
            select nspname from pg_namespace where nspname = 'spool_live'
            union select proname from pg_proc where proname like 'spool_live%'
            union select relname from pg_class join pg_namespace n on n.oid = relnamespace
              where nspname in ('public', 'spool_live') and relkind in ('r', 'i', 'S')
                and relname not like 'django%' and relname not like 'auth%'
            union select policyname from pg_policies
            union select tablename from pg_publication_tables where pubname = 'supabase_realtime'
            union select tgname from pg_trigger where not tgisinternal
            """
        )
        return {row[0] for row in cursor.fetchall()}


def test_forward_backward_forward(project: str) -> None:
    before = traces(project)
    migrate()
    there = traces(project)
    assert {"live_updates", "spool_live_mirror", "spool_live_join_own_site"} < there
    migrate("zero")
    assert traces(project) == before
    migrate()
    assert traces(project) == there


def test_back_to_the_content_alone(project: str) -> None:
    migrate()
    migrate("0001_tables")
    assert not {
        "spool_live",
        "live_updates",
        "live_updates_broadcast",
        "spool_live_mirror",
        "spool_live_cleanup",
        "spool_live_closed",
        "spool_live_join_own_site",
    } & traces(project)
    first = {"sites", "site_api_keys", "live_updates_outbox", "live_delivery_circuit"}
    assert first <= set(connections["default"].introspection.table_names())
    migrate()
    assert value(project, "select count(*) from public.live_updates") == 0


def test_each_table_is_where_it_belongs(project: str) -> None:
    migrate()
    content = set(connections["default"].introspection.table_names())
    assert set(CONTENT_TABLES) <= content
    supabase = set(connections[project].introspection.table_names())
    assert "live_updates" in supabase
    if project != "default":
        assert "live_updates" not in content
        assert supabase == {"live_updates", "sites", "django_migrations"}


def test_service_role_inserts_and_nobody_else_touches_anything(project: str) -> None:
    migrate()
    site_id = "0190e5d1-7c3f-7d2b-8a54-2f2f1b6a9c01"
    with connections[project].cursor() as cursor:
        if project == "default":
            cursor.execute("insert into public.sites (id, name) values (%s, 'x')", [site_id])
        payload = {
            "site_id": site_id,
            "version": 1,
            "epoch": 1,
            "deleted": False,
            "name": None if project == "default" else "Courier",
            "api_keys": [],
        }
        cursor.execute("set role service_role")
        cursor.execute("select public.spool_live_mirror(%s)", [json.dumps(payload)])
        cursor.execute(
            "insert into public.live_updates (site_id, event_type, collection, item_id, seq) "
            "values (%s, 'content.created', 'articles', gen_random_uuid(), 1) "
            "on conflict (id) do nothing returning seq",
            [site_id],
        )
        assert cursor.fetchone() == (1,)
        cursor.execute("select (public.spool_live_cleanup(now() - interval '1 h', 1))->>'deleted'")
        assert cursor.fetchone() == ("0",)
        cursor.execute("reset role")
    assert value(project, "select count(*) from realtime.messages") == 1
    for role in OUTSIDERS:
        for table in {"sites", "live_updates", *CONTENT_TABLES}:
            name = f"public.{table}"
            if value(project, "select to_regclass(%s)", name) is None:
                continue
            allowed = "SELECT" if (role, table) == ("authenticated", "live_updates") else ""
            for right in ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "TRIGGER"):
                has = value(project, "select has_table_privilege(%s, %s, %s)", role, name, right)
                assert has is (right == allowed), (role, table, right)
        for function in ("spool_live_mirror(jsonb)", "spool_live_cleanup(timestamptz, int)"):
            query = "select has_function_privilege(%s, %s, 'EXECUTE')"
            assert value(project, query, role, f"public.{function}") is False


def test_sqlmigrate_shows_the_sql_and_runs_none_of_it(project: str) -> None:
    call_command("migrate", "spool_live", "0001_tables", database=project, verbosity=0)
    shown = io.StringIO()
    call_command("sqlmigrate", "spool_live", "0002", database=project, stdout=shown)
    assert "create function spool_live.authorized_site_id()" in shown.getvalue()
    assert "CANNOT BE WRITTEN AS SQL" in shown.getvalue()
    assert value(project, "select to_regclass('public.live_updates')") is None
    call_command("sqlmigrate", "spool_live", "0002", database=project, backwards=True, stdout=shown)
    assert "drop schema if exists spool_live" in shown.getvalue()


def test_migrating_again_puts_back_what_somebody_took_away(project: str) -> None:
    migrate()
    with connections[project].cursor() as cursor:
        cursor.execute("drop policy live_updates_fence on public.live_updates")
        cursor.execute("drop policy spool_live_join_own_site on realtime.messages")
        cursor.execute("grant all on public.live_updates to anon")
        cursor.execute("alter publication supabase_realtime drop table public.live_updates")
    assert not {"live_updates_fence", "spool_live_join_own_site"} & traces(project)
    migrate()
    assert {"live_updates_fence", "spool_live_join_own_site"} <= traces(project)
    query = "select has_table_privilege('anon', 'public.live_updates', 'SELECT')"
    assert value(project, query) is False
    query = "select count(*) from pg_publication_tables where tablename = 'live_updates'"
    assert value(project, query) == 1


def test_installation_with_data_gets_monitoring_and_keeps_it_closed(project: str) -> None:
    for alias in dict.fromkeys(["default", project]):
        call_command("migrate", "spool_live", "0002", database=alias, verbosity=0)
    site_id = "0190e5d17c3f7d2b8a542f2f1b6a9c01"
    with connections["default"].cursor() as cursor:
        cursor.execute(
            "insert into sites (id, name, created_at) values (%s, 'Courier', current_timestamp)",
            [site_id],
        )
        cursor.execute(
            "insert into live_delivery_circuit (id, failures, open_until, last_error) "
            "values (1, 2, current_timestamp, 'away')"
        )
    migrate()
    assert value("default", "select count(*) from sites") == 1
    assert value("default", "select last_error from live_delivery_circuit") == "away"
    assert value("default", "select count(*) from live_heartbeats") == 0
    if project == "default":
        for table in MONITORING:
            for role in OUTSIDERS:
                query = "select has_table_privilege(%s, %s, 'SELECT')"
                assert value(project, query, role, f"public.{table}") is False
            query = "select count(*) from pg_policies where tablename = %s"
            assert value(project, query, table) == 2


@pytest.mark.usefixtures("_unblocked")
def test_models_and_migrations_agree_on_every_alias() -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


PROJECT_ON_SQLITE = """
import django
from django.conf import settings
from django.core.management import call_command

settings.configure(
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "content.sqlite3"}},
    INSTALLED_APPS=[
        "django.contrib.auth", "django.contrib.contenttypes", "spool_live", "tests.testapp",
    ],
    SPOOL_LIVE={
        "BROADCASTER": "spool_live.broadcasters.memory.MemoryBroadcaster",
        "NUDGE": False,
    },
    USE_TZ=True,
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
)
django.setup()
call_command("migrate", verbosity=0)
call_command("makemigrations", check=True, dry_run=True, verbosity=0)

from spool_live import keys
from spool_live.broadcasters.memory import MemoryBroadcaster
from spool_live.delivery import deliver_pending
from spool_live.models import Site
from tests.testapp.models import Article

site = Site.objects.create(name="Courier")
keys.create_key(site, name="front end")
Article.objects.create(site=site, title="Ferry")
print(deliver_pending("default").delivered, [u.seq for u in MemoryBroadcaster.updates])

call_command("migrate", "testapp", "zero", verbosity=0)
call_command("migrate", "spool_live", "zero", verbosity=0)
call_command("migrate", verbosity=0)
"""


def test_project_with_nothing_but_sqlite(tmp_path: Path) -> None:
    root = Path(__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROJECT_ON_SQLITE],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr, done.stdout.strip()) == (0, "", "1 [1]")
