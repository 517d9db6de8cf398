"""What the text of functions says that they do."""

from __future__ import annotations

import pytest

from spool_live.isolation.reach.code import read_code
from spool_live.isolation.reach.tokens import canonical


@pytest.mark.parametrize(
    "text",
    [
        "set role service_role",
        "begin set local role = 'service_role'; end",
        "begin if x then set session authorization postgres; end if; end",
        "begin reset role; end",
        "begin reset all; end",
        "select set_config('role', 'service_role', true)",
        "select set_config ( 'ROLE' , x, true)",
        "select set_config('ro' || 'le', 'service_role', true)",
        "select set_config(name, value, true)",
        "select pg_catalog.set_config('request.jwt.claims', '{}', true)",
        "select set_config('request.jwt.claim.site_id', '1', true)",
        "set request.jwt.claims = '{}'",
        'begin set local "role" to service_role; end',
        "update pg_settings set setting = 'service_role' where name = 'role'",
        "update pg_catalog.pg_settings set setting = x",
        "begin execute 'set role service_role'; end",
        "begin execute format('set local role %I', 'service_role'); end",
        "select set_config(lower('ROLE'), '', true)",
    ],
)
def test_becoming_another_is_seen(text: str) -> None:
    assert read_code(text).identity


@pytest.mark.parametrize(
    "text",
    [
        "begin execute query; end",
        "begin execute 'select ' || what; end",
        "begin execute format('select %s', what); end",
        "begin return query execute query using 1; end",
        "begin for r in execute query loop end loop; end",
        "declare s text := query; begin execute s; end",
        "declare s text; begin s := 'select 1'; s := s || query; execute s; end",
        "declare s text; begin select q into s from queries; execute s; end",
        "begin execute query into x; end",
        "begin open c for execute query; end",
        "select query_to_xml(query, true, false, '')",
        "select ts_stat('select ' || x)",
        "select pg_read_file('/etc/passwd')",
        'select * from U&"\\006cive_updates"',
    ],
)
def test_running_what_is_not_written_is_seen(text: str) -> None:
    assert read_code(text, parameters=("query",)).dynamic


@pytest.mark.parametrize(
    "text",
    [
        "-- execute query\nselect 1",
        "/* set role service_role /* nested */ execute query */ select 1",
        "select 'execute this; set role x'",
        "select $tag$ begin execute query; end $tag$",
        "update public.people set role = 'editor' where id = 1",
        "insert into people values (1) on conflict (id) do update set role = 'editor'",
        "grant execute on function f() to anon",
        "create trigger t after insert on x for each row execute function f()",
        "begin execute 'select 1'; end",
        "begin execute format('select * from notes where id = %L', id); end",
        "begin execute 'select * from ' || quote_ident(name) || ' limit 1'; end",
        "declare s text; begin s := format('insert into q.%I values (1)', n); execute s; end",
        "select set_config('app.language', 'de', true)",
        "begin perform set_config('search_path', '', true); end",
        "select e'it''s\\' execute' as text",
    ],
)
def test_harmless_code_is_not_accused(text: str) -> None:
    facts = read_code(text)
    assert not facts.identity
    assert not facts.dynamic


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("select * from hidden.copy", ("hidden", "copy")),
        ('select * from "Hidden"."Copy"', ("Hidden", "Copy")),
        ("select * from copies", (None, "copies")),
        ("begin execute 'select * from hidden.copy'; end", ("hidden", "copy")),
        ("begin execute format('table %I.copy', s); end", ("*", "copy")),
        ("begin execute format('table %I', s); end", (None, "*")),
        ("begin execute format('table %I.%I', s, t); end", ("*", "*")),
        ("begin execute format('table queue.%I', t); end", ("queue", "*")),
        ("select query_to_xml('table hidden.copy', true, false, '')", ("hidden", "copy")),
        ("select database_to_xml(true, false, '')", ("*", "*")),
    ],
)
def test_names_are_found(text: str, name: tuple[str | None, str]) -> None:
    assert name in read_code(text).names


@pytest.mark.parametrize(
    "text",
    [
        "insert into hidden.copy values (1)",
        "begin update only hidden.copy set x = 1; end",
        "merge into hidden.copy using x on true when matched then do nothing",
        "begin execute 'insert into hidden.copy values (1)'; end",
        "refresh materialized view hidden.copy",
    ],
)
def test_what_is_written_to_is_found(text: str) -> None:
    assert ("hidden", "copy") in read_code(text).written


@pytest.mark.parametrize("text", ["grant all on x to anon", "begin alter role x superuser; end"])
def test_changes_of_rights_are_found(text: str) -> None:
    assert read_code(text).rights


def test_canonical_text_has_neither_layout_nor_qualifiers() -> None:
    assert canonical("SELECT u.id,\n  (u.slug) FROM public.live_updates u -- all") == canonical(
        "select id, slug from live_updates u"
    )
    assert canonical("select 'a'") != canonical("select 'A'")
