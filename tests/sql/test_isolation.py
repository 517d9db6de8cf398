"""Whom PostgreSQL lets read and write what: the attack matrix, under the API's own roles.

The probes are numbered as in the audit: R reads, S secrets, W writes, J joins, F mutations.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError, ProgrammingError

from spool_live.provisioning import CONTENT_TABLES
from tests.sql.conftest import MakeTenant, SupabaseDatabase, Tenant

pytestmark = pytest.mark.django_db(databases="__all__")

OUTSIDERS = ("anon", "authenticated")
CREATE_TRIGGER = (
    "create trigger t after insert on public.live_updates "
    "for each statement execute function spool_live.broadcast_new_updates()"
)


@pytest.fixture
def a(make_tenant: MakeTenant) -> Tenant:
    return make_tenant(updates=3)


@pytest.fixture
def b(make_tenant: MakeTenant) -> Tenant:
    return make_tenant(updates=2)


def visible(
    supabase: SupabaseDatabase, claims: dict[str, Any] | str | None, role: str = "authenticated"
) -> set[uuid.UUID]:
    """The updates that a token with ``claims`` reads."""
    with supabase.acting(role, claims):
        return {row[0] for row in supabase.rows("select id from public.live_updates")}


def refused(supabase: SupabaseDatabase, role: str, claims: Any, query: str, *values: Any) -> bool:
    """Whether a role may not even try ``query``."""
    with supabase.acting(role, claims):
        try:
            supabase.rows(query, *values)
        except ProgrammingError as error:
            return getattr(error.__cause__, "sqlstate", None) == "42501"
    return False


class TestReading:
    def test_r01_own_token_reads_exactly_its_site(
        self, supabase: SupabaseDatabase, a: Tenant, b: Tenant
    ) -> None:
        assert visible(supabase, a.claims) == set(a.updates)
        assert visible(supabase, b.claims) == set(b.updates)

    @pytest.mark.parametrize(
        "claims",
        [
            pytest.param(None, id="R02 unset"),
            pytest.param("", id="R03 empty"),
            pytest.param("  \n", id="R04 blanks"),
            pytest.param("abc", id="R05 no JSON"),
            pytest.param('{"site_id": "', id="R06 cut off"),
            pytest.param("null", id="R07 null"),
            pytest.param("true", id="R08 true"),
            pytest.param("42", id="R09 number"),
            pytest.param('"text"', id="R10 text"),
            pytest.param("[]", id="R11 array"),
            pytest.param('[{"site_id": 1}]', id="R12 array of an object"),
            pytest.param("{}", id="R13 nothing"),
            pytest.param('{"role": "authenticated"}', id="R14 role only"),
            pytest.param('{"a": "\\u0000"}', id="R29 NUL elsewhere"),
            pytest.param('{"a": "\\ud800"}', id="R30 lone surrogate"),
            pytest.param("[" * 3000 + "]" * 3000, id="deep"),
        ],
    )
    def test_claims_that_name_nobody_read_nothing_and_never_raise(
        self, claims: str | None, supabase: SupabaseDatabase, a: Tenant
    ) -> None:
        assert visible(supabase, claims) == set()

    @pytest.mark.parametrize(
        "value",
        [
            pytest.param(None, id="R15 null"),
            pytest.param(7, id="R16 number"),
            pytest.param(True, id="R17 true"),
            pytest.param([], id="R18 array"),
            pytest.param({}, id="R19 object"),
            pytest.param("", id="R20 empty"),
            pytest.param("seven", id="R21 no UUID"),
            pytest.param("{} ", id="R22 with a blank"),
            pytest.param(str(uuid.UUID(int=0)), id="R23 nil"),
            pytest.param("' or true --", id="R24 injection"),
            pytest.param("{}' or '1'='1", id="R25 injection behind the id"),
            pytest.param("{}; drop table live_updates", id="R26 injection of a statement"),
            pytest.param("%", id="R27 wildcard"),
            pytest.param("{}\x00", id="R28 NUL"),
            pytest.param("x" * 10_000, id="R31 long"),
            pytest.param(["{}"], id="in an array"),
            pytest.param({"id": "{}"}, id="in an object"),
        ],
    )
    @pytest.mark.parametrize("claim", ["site_id", "key_id"])
    def test_one_claim_of_a_wrong_value(
        self, claim: str, value: Any, supabase: SupabaseDatabase, a: Tenant
    ) -> None:
        text = json.dumps(value).replace("{}", a.claims[claim]) if value != {} else "{}"
        claims = json.dumps({**a.claims, claim: "@"}).replace('"@"', text)
        assert visible(supabase, claims) == set()

    def test_r32_key_of_one_site_with_the_id_of_another(
        self, supabase: SupabaseDatabase, a: Tenant, b: Tenant
    ) -> None:
        assert visible(supabase, {**a.claims, "site_id": str(b.site_id)}) == set()
        assert visible(supabase, {**b.claims, "site_id": str(a.site_id)}) == set()

    @pytest.mark.parametrize(
        "claims",
        [
            pytest.param(lambda c: {"app_metadata": c}, id="R33 in app_metadata"),
            pytest.param(lambda c: {"user_metadata": c}, id="R34 in user_metadata"),
            pytest.param(lambda c: {k.upper(): v for k, v in c.items()}, id="R35 wrong case"),
            pytest.param(lambda c: {k: v for k, v in c.items() if k != "key_id"}, id="no key"),
            pytest.param(lambda c: {k: v for k, v in c.items() if k != "site_id"}, id="no site"),
        ],
    )
    def test_ids_in_the_wrong_place(
        self, claims: Callable[[Any], Any], supabase: SupabaseDatabase, a: Tenant
    ) -> None:
        assert visible(supabase, {"role": "authenticated", **claims(a.claims)}) == set()

    def test_r36_next_transaction_of_a_session_whose_claims_are_gone(
        self, supabase: SupabaseDatabase, a: Tenant
    ) -> None:
        with supabase.other_session() as session:
            for claims in (json.dumps(a.claims), None):
                with session.transaction():
                    session.execute("set local role authenticated")
                    if claims is not None:
                        session.execute(
                            "select set_config('request.jwt.claims', %s, true)", [claims]
                        )
                    session.execute("select * from public.live_updates")
            left = session.execute("select current_setting('request.jwt.claims', true)")
            assert left.fetchone() == ("",)

    @pytest.mark.parametrize(
        "lose",
        [
            pytest.param(Tenant.revoke, id="R37 revoked"),
            pytest.param(Tenant.expire, id="R38 expired"),
            pytest.param(Tenant.delete, id="site deleted"),
        ],
    )
    def test_key_that_lost_its_right(
        self, lose: Callable[[Tenant], None], supabase: SupabaseDatabase, a: Tenant, b: Tenant
    ) -> None:
        lose(a)
        assert visible(supabase, a.claims) == set()
        assert visible(supabase, b.claims) == set(b.updates)

    def test_tombstone_counts_even_where_keys_were_left(
        self, supabase: SupabaseDatabase, a: Tenant
    ) -> None:
        supabase.rows("update spool_live.sites set deleted_at = now()")
        assert visible(supabase, a.claims) == set()

    def test_key_with_time_left(self, supabase: SupabaseDatabase, a: Tenant) -> None:
        a.mirror(expires_at="2999-01-01T00:00:00+00:00")
        assert visible(supabase, a.claims) == set(a.updates)

    @pytest.mark.parametrize(
        ("condition", "expected"),
        [
            pytest.param("site_id = %(b)s", 0, id="R39 asks for the other"),
            pytest.param("site_id = %(b)s or true", 3, id="R40 or true"),
            pytest.param(
                "1 / (case when site_id = %(b)s then 0 else 1 end) = 1", 3, id="R41 side channel"
            ),
        ],
    )
    def test_what_the_query_asks_widens_nothing(
        self, condition: str, expected: int, supabase: SupabaseDatabase, a: Tenant, b: Tenant
    ) -> None:
        query = f"select count(*) from public.live_updates where {condition}"
        query = query.replace("%(b)s", f"'{b.site_id}'")
        with supabase.acting("authenticated", a.claims):
            assert supabase.value(query) == expected

    @pytest.mark.parametrize(
        "claims", [lambda a: None, lambda a: "{}", lambda a: a.claims], ids=["R42", "R44", "R43"]
    )
    def test_anon_may_not_even_ask(
        self, claims: Callable[[Tenant], Any], supabase: SupabaseDatabase, a: Tenant
    ) -> None:
        assert refused(supabase, "anon", claims(a), "select * from public.live_updates")

    def test_r45_statistics_tell_nothing(self, supabase: SupabaseDatabase, a: Tenant) -> None:
        supabase.rows("analyze public.live_updates")
        with supabase.acting("authenticated", a.claims):
            query = "select count(*) from pg_stats where tablename = 'live_updates'"
            assert supabase.value(query) == 0

    def test_same_id_in_another_spelling_is_the_same_site(
        self, supabase: SupabaseDatabase, a: Tenant
    ) -> None:
        claims = {**a.claims, "site_id": a.site_id.hex.upper()}
        assert visible(supabase, claims) == set(a.updates)


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
        assert len(found) == 6
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


class TestJoining:
    """The probe is the server's own: a row on the topic, read under the token's role and claims."""

    def may(
        self,
        supabase: SupabaseDatabase,
        topic: str,
        claims: dict[str, Any] | str | None,
        *,
        role: str = "authenticated",
        extension: str = "broadcast",
    ) -> bool:
        probe = "insert into realtime.messages (topic, extension) values (%s, %s) returning id"
        made = supabase.value(probe, topic, extension)
        with supabase.acting(role, claims):
            supabase.rows("select set_config('realtime.topic', %s, true)", topic)
            query = "select count(*) from realtime.messages where id = %s"
            return bool(supabase.value(query, made))

    def test_j01_own_topic(self, supabase: SupabaseDatabase, a: Tenant, b: Tenant) -> None:
        assert self.may(supabase, a.topic, a.claims)
        assert self.may(supabase, b.topic, b.claims)
        assert not self.may(supabase, a.topic, b.claims)
        assert not self.may(supabase, b.topic, a.claims)

    @pytest.mark.parametrize(
        "topic",
        [
            pytest.param("site:{id}", id="no epoch"),
            pytest.param("site:{id}:", id="empty epoch"),
            pytest.param("site:{id}:2", id="coming epoch"),
            pytest.param("site:{id}:0", id="earlier epoch"),
            pytest.param("site:{id}:01", id="other spelling of the epoch"),
            pytest.param("site:{id}:1 ", id="blank behind"),
            pytest.param(" site:{id}:1", id="blank in front"),
            pytest.param("SITE:{id}:1", id="other case"),
            pytest.param("site:{ID}:1", id="id in capitals"),
            pytest.param("site:{id}:1:presence", id="more behind"),
            pytest.param("realtime:site:{id}:1", id="more in front"),
            pytest.param("site:%", id="wildcard"),
            pytest.param("site:", id="no id"),
            pytest.param("", id="empty"),
        ],
    )
    def test_no_other_topic(self, topic: str, supabase: SupabaseDatabase, a: Tenant) -> None:
        name = topic.replace("{id}", str(a.site_id)).replace("{ID}", str(a.site_id).upper())
        assert not self.may(supabase, name, a.claims)

    @pytest.mark.parametrize("extension", ["presence", "postgres_changes"])
    def test_no_other_extension(
        self, extension: str, supabase: SupabaseDatabase, a: Tenant
    ) -> None:
        assert not self.may(supabase, a.topic, a.claims, extension=extension)

    @pytest.mark.parametrize("role", OUTSIDERS)
    def test_nobody_may_send(self, role: str, supabase: SupabaseDatabase, a: Tenant) -> None:
        for extension in ("broadcast", "presence"):
            send = "insert into realtime.messages (topic, extension) values (%s, %s)"
            assert refused(supabase, role, a.claims, send, a.topic, extension)

    @pytest.mark.parametrize("claims", [None, "", "abc", "{}", '{"site_id": "x", "key_id": "x"}'])
    def test_claims_that_name_nobody(
        self, claims: str | None, supabase: SupabaseDatabase, a: Tenant
    ) -> None:
        assert not self.may(supabase, a.topic, claims)
        assert not self.may(supabase, "", claims)

    def test_anon(self, supabase: SupabaseDatabase, a: Tenant) -> None:
        assert not self.may(supabase, a.topic, a.claims, role="anon")

    def test_key_of_one_site_with_the_id_of_another(
        self, supabase: SupabaseDatabase, a: Tenant, b: Tenant
    ) -> None:
        mixed = {**a.claims, "site_id": str(b.site_id)}
        assert not self.may(supabase, a.topic, mixed)
        assert not self.may(supabase, b.topic, mixed)

    @pytest.mark.parametrize("lose", [Tenant.revoke, Tenant.expire, Tenant.delete])
    def test_key_that_lost_its_right_joins_neither_epoch(
        self, lose: Callable[[Tenant], None], supabase: SupabaseDatabase, a: Tenant
    ) -> None:
        old = a.topic
        lose(a)
        assert not self.may(supabase, old, a.claims)
        assert not self.may(supabase, a.topic, a.claims)

    def test_other_key_of_a_site_follows_to_the_new_epoch(
        self, supabase: SupabaseDatabase, a: Tenant
    ) -> None:
        old = a.topic
        a.mirror(epoch=2)
        assert not self.may(supabase, old, a.claims)
        assert self.may(supabase, a.topic, a.claims)


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
