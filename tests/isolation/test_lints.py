"""What linters of Supabase complain of, asked in our own words: nothing because of us."""

from __future__ import annotations

from django.db import connections

from spool_live.conf import live_settings
from spool_live.isolation.target import SUPPORT_TABLES
from spool_live.supabase.provisioning import closed_tables

TABLES = ["public.live_updates", *SUPPORT_TABLES]


def _rows(alias: str, query: str) -> list[tuple[object, ...]]:
    one_database = not live_settings().has_separate_databases
    tables = [*TABLES, *(f"public.{name}" for name in closed_tables(one_database=one_database))]
    with connections[alias].cursor() as cursor:
        cursor.execute(query, {"tables": tables})
        return list(cursor.fetchall())


def test_no_table_has_row_level_security_and_no_policy(alias: str) -> None:
    query = """
        select name from unnest(%(tables)s::text[]) name
        where not exists (select from pg_policy p where p.polrelid = to_regclass(name))
    """
    assert _rows(alias, query) == []


def test_no_permissive_policy_for_writing_is_always_true(alias: str) -> None:
    query = """
        select name, p.polname from unnest(%(tables)s::text[]) name
        join pg_policy p on p.polrelid = to_regclass(name)
        where p.polpermissive and p.polcmd <> 'r'
          and (coalesce(pg_get_expr(p.polqual, p.polrelid), 'true') = 'true'
               or coalesce(pg_get_expr(p.polwithcheck, p.polrelid), 'true') = 'true')
    """
    assert _rows(alias, query) == []


def test_functions_have_a_fixed_search_path(alias: str) -> None:
    query = """
        select p.oid::regprocedure::text from pg_proc p
        join pg_namespace n on n.oid = p.pronamespace
        where (n.nspname = 'spool_live' or p.proname like 'spool_live_mirror%%'
               or p.proname like 'spool_live_cleanup%%')
          and not coalesce(p.proconfig, '{}') @> array['search_path=""']
          and cardinality(%(tables)s::text[]) > 0
    """
    assert _rows(alias, query) == []
