"""What a token reads: exactly its site, whatever its claims look like. (Probes R of the audit.)"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from tests.sql.conftest import SupabaseDatabase, Tenant, refused, visible

pytestmark = pytest.mark.django_db(databases="__all__")


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
