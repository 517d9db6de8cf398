"""Which Realtime topic a token may join: its own site's, to listen. (Probes J of the audit.)"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.sql.conftest import OUTSIDERS, SupabaseDatabase, Tenant, refused

pytestmark = pytest.mark.django_db(databases="__all__")


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
