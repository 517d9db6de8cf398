from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from psycopg import errors, sql

from spool_live.local.bootstrap import bootstrap
from spool_live.local.config import LocalSupabaseConfig, PrivilegeWorld
from spool_live.local.instance import LocalDatabase

Session = Callable[[str], psycopg.Connection[tuple[object, ...]]]


@pytest.fixture
def session(local_database: LocalDatabase) -> Iterator[Session]:
    """Opens connections as a role; everything they do is rolled back. It finds no messages."""
    with psycopg.connect(local_database.conninfo()) as connection:
        connection.execute("truncate realtime.messages")
    opened: list[psycopg.Connection[tuple[object, ...]]] = []

    def open_as(role: str) -> psycopg.Connection[tuple[object, ...]]:
        opened.append(psycopg.connect(local_database.conninfo(role)))
        return opened[-1]

    yield open_as
    for connection in opened:
        connection.rollback()
        connection.close()


@pytest.fixture
def scratch_database(local_database: LocalDatabase) -> Iterator[LocalSupabaseConfig]:
    """The configuration of an empty database in the same server."""
    name = "scratch_bootstrap"
    with psycopg.connect(local_database.conninfo(), autocommit=True) as connection:
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        yield replace(local_database.config, database_name=name)
        connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def test_postgres_role_is_no_superuser_but_may_bypass_rls_and_create_roles(
    session: Session,
) -> None:
    attributes = session("postgres").execute(
        "select rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication, rolcanlogin"
        " from pg_roles where rolname = current_user"
    )
    assert attributes.fetchone() == (False, True, True, True, True, True)


def test_postgres_role_creates_tables_roles_and_publication_members(session: Session) -> None:
    connection = session("postgres")
    connection.execute("create table public.note (id int primary key)")
    connection.execute("alter publication supabase_realtime add table public.note")
    connection.execute("create role reader")
    connection.execute("grant reader to authenticator")
    connection.execute("create schema private_things")


def test_postgres_role_writes_policies_on_realtime_messages(session: Session) -> None:
    connection = session("postgres")
    connection.execute(
        "create policy mine on realtime.messages for select to authenticated"
        " using (realtime.topic() = 'site:1')"
    )
    connection.execute("drop policy mine on realtime.messages")
    connection.execute("insert into realtime.messages (topic, extension) values ('t', 'broadcast')")
    assert connection.execute("select topic from realtime.messages").fetchall() == [("t",)]


def test_authenticator_has_no_right_of_its_own_but_becomes_an_api_role(session: Session) -> None:
    connection = session("authenticator")
    with pytest.raises(errors.InsufficientPrivilege), connection.transaction():
        connection.execute("select from realtime.messages")
    for role in ("anon", "authenticated", "service_role"):
        connection.execute(sql.SQL("set local role {}").format(sql.Identifier(role)))
        connection.execute("reset role")
    with pytest.raises(errors.InsufficientPrivilege):
        connection.execute("set local role postgres")


@pytest.mark.parametrize(("world", "allowed"), [("grant-all", True), ("grant-none", False)])
def test_new_public_tables_follow_the_privilege_world(
    scratch_database: LocalSupabaseConfig, world: PrivilegeWorld, allowed: bool
) -> None:
    config = replace(scratch_database, privilege_world=world)
    bootstrap(config)
    with psycopg.connect(config.conninfo("postgres")) as connection:
        connection.execute("create table public.note (id bigserial primary key)")
        connection.execute("create function public.f() returns int language sql return 1")
        for role in ("anon", "authenticated", "service_role"):
            rights = connection.execute(
                "select has_table_privilege(%(role)s, 'public.note', 'insert'),"
                " has_sequence_privilege(%(role)s, 'public.note_id_seq', 'usage'),"
                " has_function_privilege(%(role)s, 'public.f()', 'execute')",
                {"role": role},
            ).fetchone()
            assert rights == (allowed, allowed, True)


def test_bootstrap_repeated_in_the_other_world_switches_it(
    scratch_database: LocalSupabaseConfig,
) -> None:
    bootstrap(replace(scratch_database, privilege_world="grant-all"))
    bootstrap(replace(scratch_database, privilege_world="grant-none"))
    with psycopg.connect(scratch_database.conninfo("postgres")) as connection:
        connection.execute("create table public.note (id int)")
        allowed = connection.execute("select has_table_privilege('anon', 'public.note', 'select')")
        assert allowed.fetchone() == (False,)


@contextmanager
def _claims(
    connection: psycopg.Connection[tuple[object, ...]], role: str, claims: str
) -> Iterator[None]:
    connection.execute("select set_config('request.jwt.claims', %s, true)", [claims])
    connection.execute(sql.SQL("set local role {}").format(sql.Identifier(role)))
    yield
    connection.execute("reset role")


def test_auth_functions_tell_what_the_claims_say(session: Session) -> None:
    connection = session("authenticator")
    claims = '{"sub": "3b241101-e2bb-4255-8caf-4136c566a962", "role": "authenticated", "site": 7}'
    with _claims(connection, "authenticated", claims):
        answer = connection.execute("select auth.uid()::text, auth.role(), auth.jwt() -> 'site'")
        assert answer.fetchone() == ("3b241101-e2bb-4255-8caf-4136c566a962", "authenticated", 7)


def test_auth_functions_without_claims_are_null(session: Session) -> None:
    connection = session("authenticator")
    with _claims(connection, "anon", ""):
        answer = connection.execute("select auth.uid(), auth.role(), auth.jwt()").fetchone()
        assert answer == (None, None, None)


def test_send_leaves_a_broadcast_with_its_own_id_in_the_payload(session: Session) -> None:
    connection = session("postgres")
    connection.execute("""select realtime.send('{"a": 1}', 'hello', 'site:1')""")
    row = connection.execute(
        "select topic, event, extension, private, payload ->> 'a', payload ->> 'id' = id::text"
        " from realtime.messages"
    ).fetchone()
    assert row == ("site:1", "hello", "broadcast", True, "1", True)


def test_send_that_rls_denies_warns_and_does_not_raise(session: Session) -> None:
    connection = session("postgres")
    warnings: list[str] = []
    connection.add_notice_handler(lambda notice: warnings.append(notice.message_primary or ""))
    connection.execute("set local role authenticated")
    connection.execute("select realtime.send('{}', 'hello', 'site:1')")
    connection.execute("reset role")
    assert connection.execute("select count(*) from realtime.messages").fetchone() == (0,)
    assert len(warnings) == 1
    assert "site:1" in warnings[0]


def test_broadcast_changes_from_a_row_trigger_carries_both_records(session: Session) -> None:
    connection = session("postgres")
    connection.execute("create table public.note (id int primary key, body text)")
    connection.execute(
        "create function public.tell() returns trigger language plpgsql as $$ begin"
        " perform realtime.broadcast_changes('notes', tg_op, tg_op, tg_table_name,"
        " tg_table_schema, new, old); return null; end $$"
    )
    connection.execute(
        "create trigger tell after insert or update on public.note"
        " for each row execute function public.tell()"
    )
    connection.execute("insert into public.note values (1, 'a')")
    connection.execute("update public.note set body = 'b'")
    payloads = connection.execute(
        "select event, payload - 'id' from realtime.messages order by payload ->> 'operation'"
    ).fetchall()
    assert payloads == [
        (
            "INSERT",
            {
                "operation": "INSERT",
                "schema": "public",
                "table": "note",
                "record": {"id": 1, "body": "a"},
                "old_record": None,
            },
        ),
        (
            "UPDATE",
            {
                "operation": "UPDATE",
                "schema": "public",
                "table": "note",
                "record": {"id": 1, "body": "b"},
                "old_record": {"id": 1, "body": "a"},
            },
        ),
    ]


def test_partitions_reach_from_yesterday_to_three_days_ahead_and_move_with_the_day(
    session: Session,
) -> None:
    connection = session("supabase_admin")

    def days() -> list[int]:
        return [
            offset
            for (offset,) in connection.execute(
                "select to_date(right(relname, 10), 'YYYY_MM_DD')"
                " - (now() at time zone 'utc')::date"
                " from pg_class join pg_inherits on inhrelid = oid"
                " where inhparent = 'realtime.messages'::regclass order by relname"
            ).fetchall()
            if isinstance(offset, int)
        ]

    connection.execute("select realtime.maintain_message_partitions()")
    assert days() == [-1, 0, 1, 2, 3]
    added = connection.execute(
        "select realtime.maintain_message_partitions((now() at time zone 'utc')::date + 4)"
    ).fetchone()
    assert added == (4,)
    assert days() == [1, 2, 3, 4, 5, 6, 7]


def test_messages_publication_shows_one_relation_for_all_partitions(session: Session) -> None:
    published = session("postgres").execute(
        "select schemaname, tablename from pg_publication_tables"
        " where pubname = 'supabase_realtime_messages_publication'"
    )
    assert published.fetchall() == [("realtime", "messages")]


def test_passwords_are_not_in_the_server_log(local_database: LocalDatabase, tmp_path: Path) -> None:
    log = local_database.log_file.read_text()
    assert local_database.config.database_password not in log


def test_publication_begins_with_inserts_only_and_is_left_alone_afterwards(
    session: Session, local_config: LocalSupabaseConfig
) -> None:
    published = (
        "select pubinsert, pubupdate, pubdelete from pg_publication"
        " where pubname = 'supabase_realtime'"
    )
    with psycopg.connect(local_config.conninfo("supabase_admin"), autocommit=True) as connection:
        connection.execute("drop database if exists fresh with (force)")
        connection.execute("create database fresh")
    fresh = replace(local_config, database_name="fresh")
    bootstrap(fresh)
    with psycopg.connect(fresh.conninfo("postgres"), autocommit=True) as connection:
        assert connection.execute(published).fetchone() == (
            True,
            False,
            False,
        )
        connection.execute("alter publication supabase_realtime set (publish = 'insert, delete')")
        bootstrap(fresh)
        assert connection.execute(published).fetchone() == (
            True,
            False,
            True,
        )
