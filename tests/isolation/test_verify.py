"""What verification does to the database that it looks at: nothing that anybody notices."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.db import connections

from spool_live.conf import live_settings
from spool_live.isolation import CannotVerifyError, sandbox, verify
from spool_live.isolation.sandbox import Sandbox
from spool_live.isolation.target import _refuse
from tests.isolation.conftest import Superuser, database_alias

Observer = psycopg.Connection[tuple[Any, ...]]

HARMLESS = ("AccessShareLock", "RowShareLock", "RowExclusiveLock")
LOCKS = """
    select c.relname::text, l.mode from pg_locks l
    join pg_class c on c.oid = l.relation join pg_namespace n on n.oid = c.relnamespace
    where l.pid = %s and n.nspname !~ '^pg_(toast_)?temp' and l.mode <> all (%s)
"""
LEFT = """
    select (select count(*) from pg_class), (select count(*) from pg_proc),
           (select count(*) from pg_policy), (select count(*) from pg_prepared_statements),
           (select count(*) from public.sites), (select count(*) from public.live_updates),
           (select count(*) from spool_live.sites), (select count(*) from spool_live.api_keys),
           (select count(*) from realtime.messages),
           current_user, current_setting('search_path'), current_setting('statement_timeout'),
           coalesce(current_setting('request.jwt.claims', true), '')
"""


@pytest.fixture
def observer(_database: None) -> Iterator[Observer]:
    """A connection of somebody else, as the superuser."""
    conninfo = settings.LOCAL_SUPABASE.conninfo("supabase_admin")
    with psycopg.connect(conninfo, autocommit=True) as connection:
        yield connection


def _row(alias: str, query: str) -> tuple[Any, ...]:
    with connections[alias].cursor() as cursor:
        cursor.execute(query)
        row: tuple[Any, ...] = cursor.fetchone()
        return row


def test_verification_leaves_nothing_behind(alias: str) -> None:
    before = _row(alias, LEFT)
    assert verify(alias).attacks > 500
    assert _row(alias, LEFT) == before


def test_verification_holds_no_lock_that_a_writer_waits_for(
    alias: str, observer: Observer, monkeypatch: pytest.MonkeyPatch
) -> None:
    pid = _row(alias, "select pg_backend_pid()")[0]
    held: set[tuple[Any, ...]] = set()
    statements = 0

    def watch(original: Any) -> Any:
        def watched(box: Sandbox, *args: Any) -> Any:
            nonlocal statements
            statements += 1
            result = original(box, *args)
            held.update(observer.execute(LOCKS, [pid, list(HARMLESS)]).fetchall())
            return result

        return watched

    monkeypatch.setattr(Sandbox, "rows", watch(Sandbox.rows))
    monkeypatch.setattr(Sandbox, "execute", watch(Sandbox.execute))
    verify(alias)
    assert statements > 50
    assert held == set()


def test_writers_commit_while_it_runs(alias: str, observer: Observer) -> None:
    observer.execute("set lock_timeout = '1s'")
    written = 0

    def write(stage: str) -> None:
        nonlocal written
        written += 1
        with observer.transaction(force_rollback=True):
            observer.execute(
                "insert into public.sites (id, name) values (gen_random_uuid(), 'meanwhile')"
            )
            observer.execute(
                "insert into public.live_updates (site_id, event_type, collection, item_id)"
                " select id, 'content.updated', 'articles', gen_random_uuid() from public.sites"
            )
            observer.execute("update public.live_updates set slug = 'x'")
            observer.execute("delete from public.live_updates")

    verify(alias, progress=write)
    assert written > 15


def test_no_row_of_the_probes_reaches_the_replication_stream(
    alias: str, observer: Observer
) -> None:
    slot = "verify_rls_test"
    peek = (
        "select count(*) from pg_logical_slot_peek_binary_changes(%s, null, null,"
        " 'proto_version', '1', 'publication_names',"
        " 'supabase_realtime,supabase_realtime_messages_publication')"
    )
    observer.execute("select pg_create_logical_replication_slot(%s, 'pgoutput', true)", [slot])
    try:
        verify(alias)
        assert observer.execute(peek, [slot]).fetchone() == (0,)
        observer.execute(
            "insert into realtime.messages (topic, extension) values ('x', 'broadcast')"
        )
        assert observer.execute(peek, [slot]).fetchone() != (0,)
    finally:
        observer.execute("delete from realtime.messages where topic = 'x'")
        observer.execute("select pg_drop_replication_slot(%s)", [slot])


def test_database_that_is_not_postgresql_is_refused_with_setting_and_remedy(alias: str) -> None:
    with pytest.raises(
        CannotVerifyError, match=r"'other' is SQLite.*SPOOL_LIVE\[.SUPABASE_DATABASE.\]"
    ):
        verify("other")


@pytest.mark.usefixtures("_database")
def test_database_without_the_live_tables_is_refused_with_the_command() -> None:
    with (
        database_alias("empty", NAME="template1"),
        pytest.raises(
            CannotVerifyError, match=r"no table public\.live_updates.*migrate --database empty"
        ),
    ):
        verify("empty")


@pytest.mark.usefixtures("_database")
def test_database_that_does_not_answer_is_refused() -> None:
    with (
        database_alias("away", PORT=1),
        pytest.raises(CannotVerifyError, match=r'Check DATABASES\["away"\]'),
    ):
        verify("away")


def test_database_without_the_roles_is_refused() -> None:
    facts = {"version_number": 160000, "has_live_updates": True, "missing_roles": ["anon"]}
    with pytest.raises(CannotVerifyError, match="These roles do not exist on 'x': anon"):
        _refuse("x", facts)


def test_server_that_is_too_old_is_refused() -> None:
    with pytest.raises(CannotVerifyError, match="needs 15 or newer"):
        _refuse("x", {"version_number": 140000, "server_version": "14.1"})


def test_role_that_may_not_become_the_api_roles_is_refused(superuser: Superuser) -> None:
    superuser.execute("create role outsider")
    with (
        superuser.as_migrator("outsider"),
        pytest.raises(CannotVerifyError, match="grant anon, auth"),
    ):
        verify(superuser.alias)


def test_lock_of_somebody_else_is_no_finding(
    alias: str, observer: Observer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "LOCK_TIMEOUT", "100ms")
    with observer.transaction():
        observer.execute("lock table public.live_updates in access exclusive mode")
        with pytest.raises(CannotVerifyError, match="Nothing was changed; run it again"):
            verify(alias)
    assert verify(alias).isolated


def test_policy_that_takes_too_long_is_cut_short_and_leaves_nothing(
    superuser: Superuser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "STATEMENT_TIMEOUT", "400ms")
    superuser.execute(
        "create policy slow on public.live_updates as restrictive to authenticated"
        " using (pg_sleep(1) is not null)"
    )
    with superuser.as_migrator(), pytest.raises(CannotVerifyError, match="ran 400ms"):
        verify(superuser.alias)
    assert _row(superuser.alias, "select count(*) from pg_prepared_statements") == (0,)


def test_migrating_role_that_does_not_bypass_policies_says_so(superuser: Superuser) -> None:
    superuser.execute(
        "alter role postgres nobypassrls", "revoke supabase_realtime_admin from postgres"
    )
    report = superuser.verify()
    found = {finding.code: finding for finding in report.findings}
    assert set(found) == {"RLS-I01", "RLS-B01"}
    assert "does not bypass Row Level Security" in found["RLS-I01"].reason
    assert "not broadcast: 42501" in found["RLS-B01"].reason


def test_migrating_role_as_the_hosted_service_has_it_is_enough(superuser: Superuser) -> None:
    superuser.execute("revoke supabase_realtime_admin from postgres")
    report = superuser.verify()
    assert report.clean
    assert report.attacks > 500


def test_policy_for_a_role_that_the_api_cannot_reach_is_no_finding(superuser: Superuser) -> None:
    superuser.execute(
        "create role writer",
        "grant insert on public.live_updates to writer",
        "create policy writer on public.live_updates for insert to writer with check (true)",
    )
    assert superuser.verify().clean


def test_role_that_can_be_named_but_has_no_rights_is_attacked_and_no_finding(
    superuser: Superuser,
) -> None:
    superuser.execute("create role live_reader", "grant live_reader to authenticator")
    report = superuser.verify()
    assert report.roles == ("anon", "authenticated", "live_reader")
    assert report.clean


def test_schemas_that_the_database_names_are_those_that_are_looked_at(
    superuser: Superuser,
) -> None:
    superuser.execute(
        "alter role authenticator set pgrst.db_schemas = 'api, public'",
        "create schema api",
        "create table api.notes (id int)",
        "grant usage on schema api to anon",
        "grant select on api.notes to anon",
    )
    report = superuser.verify()
    assert report.schemas == ("api", "public")
    assert [(finding.code, finding.subject) for finding in report.findings] == [
        ("RLS-E02", "api.notes")
    ]


def test_schemas_that_the_caller_names_come_first(superuser: Superuser) -> None:
    report = superuser.verify(exposed_schemas=["public", "realtime"])
    assert report.schemas == ("public", "realtime")
    assert "RLS-H02" in {finding.code for finding in report.findings}


def test_progress_names_each_stage_once(alias: str) -> None:
    stages: list[str] = []
    verify(alias, progress=stages.append)
    assert stages[0] == "tables"
    assert stages[-1] == "revocations"
    assert len(set(stages)) == len(stages)


def test_default_is_the_supabase_database(alias: str) -> None:
    report = verify()
    assert report.one_database is not live_settings().has_separate_databases
    assert report.isolated
