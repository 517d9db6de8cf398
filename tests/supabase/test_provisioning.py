"""What depends on the environment: done as far as its parts exist, the rest with a remedy."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connections, transaction
from pytest_django.plugin import DjangoDbBlocker

from spool_live.conf import live_settings
from spool_live.local.bootstrap import bootstrap
from spool_live.local.config import AT_ONCE, LocalSupabaseConfig
from spool_live.local.postgres import EmbeddedPostgres
from spool_live.local.processes import free_port
from spool_live.supabase import steps
from spool_live.supabase.provisioning import missing, provision
from spool_live.supabase.steps import StepOutcome, StepResult
from tests.scratch import fresh_project, pointed_at

DONE, MISSING, FAILED = StepOutcome.DONE, StepOutcome.MISSING, StepOutcome.FAILED


@pytest.fixture
def _unblocked(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    with django_db_blocker.unblock():
        yield


@pytest.fixture
def project(_unblocked: None, tmp_path: Path) -> Iterator[str]:
    """A migrated project of its own; the alias of its Supabase database."""
    with fresh_project("grant-none", tmp_path) as alias:
        migrate()
        yield alias


def migrate() -> None:
    for alias in dict.fromkeys(["default", live_settings().supabase_database]):
        call_command("migrate", "spool_live", database=alias, verbosity=0)


def outcomes(results: list[StepResult]) -> dict[str, StepOutcome]:
    return {result.step: result.outcome for result in results}


def as_superuser(alias: str, *statements: str) -> None:
    """Runs statements on the database behind ``alias`` as its superuser."""
    conninfo = settings.LOCAL_SUPABASE.conninfo("supabase_admin")
    name = connections[alias].settings_dict["NAME"]
    with psycopg.connect(conninfo, dbname=name) as session:
        for statement in statements:
            session.execute(statement.encode())


def test_everything_is_done_and_stays_done(project: str) -> None:
    for _ in range(2):
        assert set(outcomes(provision(project)).values()) == {DONE}
    assert missing(project) == []


def locks(alias: str) -> set[str]:
    """The tables on which other sessions hold more than a reader does."""
    with psycopg.connect(conninfo_of(alias)) as session:
        rows = session.execute(
            "select relation::regclass::text from pg_locks where locktype = 'relation' "
            "and mode in ('AccessExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock') "
            "and relation::regclass::text ~ '^(live_|sites|site_|realtime|spool_live)'"
        ).fetchall()
    return {name for (name,) in rows}


def conninfo_of(alias: str) -> str:
    name = connections[alias].settings_dict["NAME"]
    return psycopg.conninfo.make_conninfo(settings.LOCAL_SUPABASE.conninfo("postgres"), dbname=name)


def test_nothing_to_do_takes_no_lock(project: str) -> None:
    """Within a transaction the locks would still be there."""
    with transaction.atomic(using=project):
        assert set(outcomes(provision(project)).values()) == {DONE}
        assert locks(project) == set()


DAMAGE = {
    "policy gone": "drop policy live_updates_fence on public.live_updates",
    "policy altered": "alter policy live_updates_read_own_site on public.live_updates using (true)",
    "policy for everybody": "alter policy live_updates_fence_anon on public.live_updates to public",
    "rights on a function": "grant execute on function public.spool_live_mirror(jsonb) to anon",
    "rights taken": "revoke insert on public.live_updates from service_role",
    "rights on a column": "grant update (slug) on public.live_updates to anon",
    "rights on the schema": "grant usage on schema spool_live to authenticated",
    "rights on a closed table": "grant select on public.sites to anon",
    "rights on a column of a closed one": "grant select (name) on public.sites to anon",
    "closed table opened": "alter table public.sites disable row level security",
    "fence altered": "alter policy spool_live_closed on public.sites using (true)",
    "keys opened": "drop policy spool_live_closed on spool_live.api_keys",
    "topic policy": "alter policy spool_live_fence on realtime.messages using (true)",
    "publication": "alter publication supabase_realtime drop table public.live_updates",
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_damage_is_seen_and_mended(damage: str, project: str) -> None:
    before = state(project)
    as_superuser(project, damage)
    assert state(project) != before
    assert set(outcomes(provision(project)).values()) == {DONE}
    assert state(project) == before


def state(alias: str) -> list[str]:
    """Policies, rights and publication, as text."""
    with psycopg.connect(conninfo_of(alias)) as session:
        rows = session.execute(
            "select p::text from pg_policies p"
            " where schemaname in ('public', 'realtime', 'spool_live')"
            " union all select c.relname || c.relrowsecurity || coalesce(c.relacl::text, '')"
            "   from pg_class c where c.relname in ('live_updates', 'sites')"
            " union all select attname || coalesce(attacl::text, '') from pg_attribute"
            "   where attrelid in ('live_updates'::regclass, 'sites'::regclass)"
            " union all select proname || coalesce(proacl::text, '') from pg_proc"
            "   where proname like 'spool_live%'"
            " union all select nspname || coalesce(nspacl::text, '') from pg_namespace"
            "   where nspname = 'spool_live'"
            " union all select tablename from pg_publication_tables"
        ).fetchall()
    return sorted(text.replace("{}", "") for (text,) in rows)


def test_many_at_once_and_an_editor_beside_them(project: str) -> None:
    """All find the same damage: nobody dies of a deadlock, and all is well at the end."""
    for damage in DAMAGE.values():
        as_superuser(project, damage)
    failures: list[Exception] = []

    def work() -> None:
        try:
            results.append(set(outcomes(provision(project)).values()))
        except Exception as error:  # noqa: BLE001 - raised below
            failures.append(error)
        finally:
            connections[project].close()

    results: list[set[StepOutcome]] = []
    workers = [threading.Thread(target=work) for _ in range(4)]
    with psycopg.connect(conninfo_of(project)) as editor:
        for worker in workers:
            worker.start()
        while any(worker.is_alive() for worker in workers):
            editor.execute("update public.sites set name = name")
            editor.commit()
        for worker in workers:
            worker.join()
    assert failures == []
    assert results == [{DONE}] * 4
    assert set(outcomes(provision(project)).values()) == {DONE}


@pytest.mark.usefixtures("_unblocked")
def test_before_the_tables_exist(tmp_path: Path) -> None:
    with fresh_project("grant-none", tmp_path) as alias:
        [result] = provision(alias)
    assert (result.step, result.outcome) == ("live tables", MISSING)
    assert f"manage.py migrate --database {alias}" in result.remedy


@pytest.mark.parametrize(
    ("damage", "step", "remedy"),
    [
        pytest.param(
            "drop publication supabase_realtime", "publication", "enable Realtime", id="publication"
        ),
        pytest.param(
            "drop schema realtime cascade",
            "Realtime policy",
            '"postgres_changes"',
            id="Realtime schema",
        ),
    ],
)
def test_part_that_is_missing_holds_up_nothing_else(
    damage: str, step: str, remedy: str, project: str
) -> None:
    as_superuser(project, damage)
    found = outcomes(provision(project))
    assert found.pop(step) is MISSING
    assert set(found.values()) == {DONE}
    [result] = missing(project)
    assert result.step == step
    assert remedy in result.remedy


def test_step_that_is_not_permitted_says_why_and_holds_up_nothing_else(project: str) -> None:
    """As on hosted projects before their extension let ``postgres`` write that policy."""
    as_superuser(
        project,
        "drop policy spool_live_join_own_site on realtime.messages",
        "alter table realtime.messages owner to supabase_admin",
    )
    results = provision(project)
    [failed] = [result for result in results if result.outcome is not DONE]
    assert (failed.step, failed.outcome) == ("Realtime policy", FAILED)
    assert "must be owner" in failed.remedy
    assert "live_setup" in failed.remedy


def test_step_that_would_wait_for_ever_gives_up(
    project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "LOCK_TIMEOUT", "20ms")
    monkeypatch.setattr("spool_live.supabase.steps.time.sleep", lambda seconds: None)
    conninfo = settings.LOCAL_SUPABASE.conninfo("postgres")
    name = connections[project].settings_dict["NAME"]
    with psycopg.connect(conninfo, dbname=name) as session:
        session.execute("lock table realtime.messages in access exclusive mode")
        results = provision(project)
    found = outcomes(results)
    assert found.pop("Realtime policy") is FAILED
    assert any("pg_stat_activity" in result.remedy for result in results)
    assert set(found.values()) == {DONE}


def test_backward_where_the_parts_are_gone(project: str) -> None:
    as_superuser(project, "drop publication supabase_realtime", "drop schema realtime cascade")
    call_command("migrate", "spool_live", "0001_tables", database=project, verbosity=0)
    with connections[project].cursor() as cursor:
        cursor.execute("select to_regclass('public.live_updates')")
        assert cursor.fetchone() == (None,)


@pytest.mark.usefixtures("_unblocked")
def test_plain_postgresql_becomes_supabase_later(tmp_path: Path) -> None:
    """No roles, no publication, no Realtime: the migrations run; what was missing comes later."""
    config = LocalSupabaseConfig.generate(tmp_path, database_port=free_port(), pace=AT_ONCE)
    server = EmbeddedPostgres(
        tmp_path, port=config.database_port, password=config.database_password
    )
    alias = live_settings().supabase_database
    place = {
        "PORT": config.database_port,
        "USER": "supabase_admin",
        "PASSWORD": config.database_password,
    }
    content = tmp_path / "content.sqlite3"
    with server, pointed_at(alias, **place):
        if alias != "default":
            with pointed_at("default", NAME=content):
                migrate()
        else:
            migrate()
        assert set(outcomes(provision(alias)).values()) == {MISSING}
        assert all("live_setup" in result.remedy for result in missing(alias))
        with connections[alias].cursor() as cursor:
            cursor.execute("insert into public.sites (id, name) values (gen_random_uuid(), 'x')")
            cursor.execute(
                "insert into public.live_updates (site_id, event_type, collection, item_id) "
                "select id, 'content.created', 'x', id from public.sites"
            )
        connections[alias].close()
        bootstrap(config)
        assert set(outcomes(provision(alias)).values()) == {DONE}
        assert missing(alias) == []
        with connections[alias].cursor() as cursor:
            cursor.execute("set role authenticated")
            cursor.execute("select count(*) from public.live_updates")
            assert cursor.fetchone() == (0,)
