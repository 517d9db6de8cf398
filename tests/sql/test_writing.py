"""What the API's roles may not touch, and what the service role needs. (Probes S, W, F.)"""

from __future__ import annotations

import pytest
from django.db import DatabaseError

from spool_live.supabase.provisioning import CONTENT_TABLES
from tests.sql.conftest import OUTSIDERS, SupabaseDatabase, Tenant, refused, visible

pytestmark = pytest.mark.django_db(databases="__all__")

CREATE_TRIGGER = (
    "create trigger t after insert on public.live_updates "
    "for each statement execute function spool_live.broadcast_new_updates()"
)


class TestSecrets:
    @pytest.fixture(params=OUTSIDERS)
    def role(self, request: pytest.FixtureRequest) -> str:
        return str(request.param)

    @pytest.mark.parametrize("table", ["sites", *CONTENT_TABLES])
    @pytest.mark.parametrize("verb", ["select * from", "delete from", "truncate"])
    def test_tables_of_ours(
        self, verb: str, table: str, role: str, supabase: SupabaseDatabase, a: Tenant
    ) -> None:
        if supabase.value("select to_regclass(%s)", f"public.{table}") is None:
            assert table not in ("sites", "live_updates"), "not on this database"
            return
        assert refused(supabase, role, a.claims, f"{verb} public.{table}")

    @pytest.mark.parametrize(
        "query",
        [
            "update public.sites set name = 'mine'",
            "insert into public.sites (id, name) values (gen_random_uuid(), 'mine')",
            "select * from spool_live.sites",
            "select * from spool_live.api_keys",
            "select spool_live.authorized_site_id()",
            "select spool_live.authorized_topic()",
            "select spool_live.ask_to_reauthenticate('x')",
            "select public.spool_live_mirror('{}')",
            "select public.spool_live_cleanup(now(), 1)",
        ],
    )
    def test_what_only_we_may_do(
        self, query: str, role: str, supabase: SupabaseDatabase, a: Tenant
    ) -> None:
        assert refused(supabase, role, a.claims, query)

    def test_service_role_has_no_way_into_our_schema(self, supabase: SupabaseDatabase) -> None:
        for table in ("spool_live.sites", "spool_live.api_keys"):
            assert refused(supabase, "service_role", None, f"select * from {table}")

    def test_functions_of_ours_have_a_fixed_search_path(self, supabase: SupabaseDatabase) -> None:
        found = supabase.rows(
            "select proname, proconfig from pg_proc p join pg_namespace n on n.oid = pronamespace "
            "where nspname = 'spool_live' or proname like 'spool_live_%'"
        )
        assert len(found) == 7
        assert {tuple(config or ()) for _, config in found} == {('search_path=""',)}


class TestWriting:
    @pytest.fixture(params=OUTSIDERS)
    def role(self, request: pytest.FixtureRequest) -> str:
        return str(request.param)

    INSERT = (
        "insert into public.live_updates (site_id, event_type, collection, item_id) "
        "values (%s, 'content.updated', 'x', gen_random_uuid())"
    )

    @pytest.mark.parametrize("suffix", ["", " on conflict (id) do nothing", " returning id"])
    def test_insert(
        self, suffix: str, role: str, supabase: SupabaseDatabase, a: Tenant, b: Tenant
    ) -> None:
        for tenant in (a, b):
            assert refused(supabase, role, a.claims, self.INSERT + suffix, tenant.site_id)

    @pytest.mark.parametrize(
        "query",
        [
            "update public.live_updates set slug = 'x'",
            "delete from public.live_updates",
            "select * from public.live_updates for update",
            "truncate public.live_updates",
            CREATE_TRIGGER,
            "alter table public.live_updates disable row level security",
            "drop policy live_updates_fence on public.live_updates",
        ],
    )
    def test_everything_else(
        self, query: str, role: str, supabase: SupabaseDatabase, a: Tenant
    ) -> None:
        assert refused(supabase, role, a.claims, query)

    @pytest.mark.parametrize("right", ["REFERENCES", "TRIGGER", "INSERT", "UPDATE", "TRUNCATE"])
    def test_rights_that_nobody_outside_holds(
        self, right: str, role: str, supabase: SupabaseDatabase
    ) -> None:
        query = "select has_table_privilege(%s, 'public.live_updates', %s)"
        assert supabase.value(query, role, right) is False

    def test_service_role_does_what_delivery_needs(
        self, supabase: SupabaseDatabase, a: Tenant
    ) -> None:
        with supabase.acting("service_role"):
            insert = self.INSERT + " on conflict (id) do nothing"
            assert supabase.changed(insert, a.site_id) == 1
            count = "select count(*) from public.live_updates where site_id = %s"
            assert supabase.value(count, a.site_id) == 4
            delete = "delete from public.live_updates where site_id = %s"
            assert supabase.changed(delete, a.site_id) == 4

    @pytest.mark.parametrize(
        "query", ["update public.live_updates set slug = 'x'", "truncate public.live_updates"]
    )
    def test_service_role_does_no_more(self, query: str, supabase: SupabaseDatabase) -> None:
        assert refused(supabase, "service_role", None, query)


def test_f01_a_permissive_policy_and_a_grant_added_by_mistake_widen_nothing(
    supabase: SupabaseDatabase, a: Tenant, b: Tenant
) -> None:
    supabase.rows("create policy mistake on public.live_updates using (true) with check (true)")
    supabase.rows("grant all on public.live_updates to anon, authenticated")
    supabase.rows("grant all on public.sites to anon, authenticated")
    supabase.rows("create policy mistake on public.sites using (true) with check (true)")
    assert visible(supabase, a.claims) == set(a.updates)
    assert visible(supabase, a.claims, role="anon") == set()
    for role in OUTSIDERS:
        assert refused(supabase, role, a.claims, TestWriting.INSERT, a.site_id)
        with supabase.acting(role, a.claims):
            assert supabase.rows("select * from public.sites") == []
    assert refused(supabase, "authenticated", a.claims, "update public.live_updates set slug = ''")


def test_audit_of_the_catalog(supabase: SupabaseDatabase) -> None:
    """What keeps the rest true: RLS on, one permissive policy, no API role in our schema."""
    for table in ("public.live_updates", "public.sites", "spool_live.sites", "spool_live.api_keys"):
        query = "select relrowsecurity from pg_class where oid = %s::regclass"
        assert supabase.value(query, table) is True
    permissive = supabase.rows(
        "select policyname, roles, cmd from pg_policies "
        "where tablename = 'live_updates' and permissive = 'PERMISSIVE'"
    )
    assert permissive == [("live_updates_read_own_site", ["authenticated"], "SELECT")]
    for role in (*OUTSIDERS, "service_role"):
        query = "select has_schema_privilege(%s, 'spool_live', 'USAGE')"
        assert supabase.value(query, role) is False
        execute = "select has_function_privilege(%s, 'spool_live.authorized_site_id()', 'EXECUTE')"
        assert supabase.value(execute, role) is True, "a policy that raises silences everybody"
    assert supabase.value("select relreplident from pg_class where relname = 'live_updates'") == "d"


def test_malformed_row_is_refused_by_the_table(supabase: SupabaseDatabase, a: Tenant) -> None:
    for column, value in (
        ("event_type", "content.moved"),
        ("collection", None),
        ("metadata", None),
        ("seq", 1),
    ):
        insert = f"update public.live_updates set {column} = %s where id = '{a.updates[-1]}'"
        with pytest.raises(DatabaseError), supabase.acting("postgres"):
            supabase.rows(insert, value)
