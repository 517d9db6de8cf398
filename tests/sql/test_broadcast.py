"""The trigger that hands new updates to Realtime, and the call to re-authenticate."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from spool_live.local.processes import wait_until
from tests.sql.conftest import WAIT, MakeTenant, SupabaseDatabase, Tenant, waits_for_a_lock

pytestmark = pytest.mark.django_db(databases="__all__")

LIMIT_BYTES = 100_000


@pytest.fixture
def tenant(make_tenant: MakeTenant) -> Tenant:
    return make_tenant(updates=0)


def messages(supabase: SupabaseDatabase, tenant: Tenant) -> list[tuple[str, str, Any]]:
    """Topic, event and payload of what was sent to a site, in the order it was sent."""
    query = (
        "select topic, event, payload from realtime.messages "
        "where topic like %s and extension = 'broadcast' and private order by ctid"
    )
    found = supabase.rows(query, f"site:{tenant.site_id}:%")
    return [
        (topic, event, payload if isinstance(payload, dict) else json.loads(payload))
        for topic, event, payload in found
    ]


def first_seq(message: tuple[Any, ...]) -> int:
    """Its place among the messages of its statement: the log tells it, the table does not."""
    seq: int = message[2]["changes"][0]["seq"]
    return seq


class TestMessage:
    def test_carries_the_row_as_the_wire_has_it(
        self, supabase: SupabaseDatabase, tenant: Tenant
    ) -> None:
        tenant.insert(slug="ferry", metadata={"title": "Füße"})
        [(topic, event, payload)] = messages(supabase, tenant)
        assert (topic, event) == (f"site:{tenant.site_id}:1", "live_updates")
        assert payload.keys() == {"epoch", "changes"}
        assert payload["epoch"] == 1
        [change] = payload["changes"]
        assert change.keys() == {
            "id",
            "site_id",
            "event_type",
            "collection",
            "slug",
            "item_id",
            "timestamp",
            "metadata",
            "seq",
        }
        assert change["id"] == str(tenant.updates[0])
        assert (change["seq"], change["slug"], change["metadata"]) == (
            1,
            "ferry",
            {"title": "Füße"},
        )

    def test_goes_to_the_current_epoch(self, supabase: SupabaseDatabase, tenant: Tenant) -> None:
        tenant.mirror(epoch=7)
        tenant.insert()
        topic, _, payload = messages(supabase, tenant)[-1]
        assert (topic, payload["epoch"]) == (f"site:{tenant.site_id}:7", 7)

    @pytest.mark.parametrize(
        ("number", "parts"), [(100, [100]), (101, [100, 1]), (250, [100, 100, 50])]
    )
    def test_holds_at_most_a_hundred_updates_in_order(
        self, number: int, parts: list[int], supabase: SupabaseDatabase, tenant: Tenant
    ) -> None:
        tenant.insert(number)
        sent = [p["changes"] for _, _, p in sorted(messages(supabase, tenant), key=first_seq)]
        assert [len(changes) for changes in sent] == parts
        assert [c["seq"] for changes in sent for c in changes] == list(range(1, number + 1))

    def test_order_is_that_of_seq_and_not_of_the_rows(
        self, supabase: SupabaseDatabase, tenant: Tenant
    ) -> None:
        rows = ", ".join(
            f"('{tenant.site_id}', 'content.updated', 'x', gen_random_uuid(), {seq})"
            for seq in (3, 1, 2)
        )
        supabase.rows(
            "insert into public.live_updates (site_id, event_type, collection, item_id, seq) "
            f"values {rows}, ('{tenant.site_id}', 'content.updated', 'x', gen_random_uuid(), null)"
        )
        [(_, _, payload)] = messages(supabase, tenant)
        assert [change["seq"] for change in payload["changes"]] == [1, 2, 3, None]

    @pytest.mark.parametrize("size", [1_000, 8_000])
    def test_holds_at_most_a_hundred_kilobytes(
        self, size: int, supabase: SupabaseDatabase, tenant: Tenant
    ) -> None:
        tenant.insert(90, metadata={"text": "ä" * (size // 2)})
        sent = sorted(messages(supabase, tenant), key=first_seq)
        for _, _, payload in sent:
            assert len(json.dumps(payload, ensure_ascii=False).encode()) <= LIMIT_BYTES
        assert [c["seq"] for _, _, p in sent for c in p["changes"]] == list(range(1, 91))
        assert len(sent) <= 90 * size // 60_000 + 1

    def test_each_site_has_its_own(
        self, supabase: SupabaseDatabase, make_tenant: MakeTenant
    ) -> None:
        tenants = [make_tenant(updates=0) for _ in range(3)]
        values = ", ".join(
            f"('{t.site_id}', 'content.updated', 'x', gen_random_uuid(), {seq})"
            for seq in (1, 2)
            for t in tenants
        )
        supabase.rows(
            "insert into public.live_updates (site_id, event_type, collection, item_id, seq) "
            f"values {values}"
        )
        for tenant in tenants:
            [(_, _, payload)] = messages(supabase, tenant)
            assert [c["seq"] for c in payload["changes"]] == [1, 2]
            assert {c["site_id"] for c in payload["changes"]} == {str(tenant.site_id)}

    def test_ignored_duplicate_is_not_sent_again(
        self, supabase: SupabaseDatabase, tenant: Tenant
    ) -> None:
        tenant.insert()
        insert = (
            "insert into public.live_updates (id, site_id, event_type, collection, item_id, seq) "
            "values (%s, %s, 'content.updated', 'x', gen_random_uuid(), 1) "
            "on conflict (id) do nothing"
        )
        assert supabase.changed(insert, tenant.updates[0], tenant.site_id) == 0
        assert len(messages(supabase, tenant)) == 1

    def test_deleted_site_gets_none(self, supabase: SupabaseDatabase, tenant: Tenant) -> None:
        supabase.rows(
            "update spool_live.sites set deleted_at = now() where site_id = %s", tenant.site_id
        )
        tenant.insert()
        assert messages(supabase, tenant) == []

    def test_is_written_for_whoever_may_insert(
        self, supabase: SupabaseDatabase, tenant: Tenant
    ) -> None:
        """The trigger runs as its owner: the API's role has no right on the Realtime schema."""
        supabase.rows("set local role service_role")
        tenant.insert()
        supabase.rows("reset role")
        assert len(messages(supabase, tenant)) == 1


class TestMissingPart:
    """Whatever is wrong on Realtime's side costs a warning, never the write."""

    @pytest.mark.parametrize(
        "damage",
        [
            pytest.param(
                "do $$ begin execute format('drop table realtime.%I', "
                "to_char(now() at time zone 'utc', '\"messages_\"YYYY_MM_DD')); end $$",
                id="today's partition",
            ),
            pytest.param(
                "alter table realtime.messages add check (topic = 'nothing') not valid",
                id="the table refuses",
            ),
            pytest.param("alter table realtime.messages drop column private", id="a column"),
            pytest.param(
                "grant create on schema spool_live to service_role; "
                "alter function spool_live.broadcast_new_updates() owner to service_role",
                id="the privilege",
            ),
            pytest.param("drop table spool_live.api_keys, spool_live.sites", id="our own table"),
        ],
    )
    def test_keeps_the_row_and_warns(
        self, damage: str, supabase: SupabaseDatabase, tenant: Tenant, notices: list[str]
    ) -> None:
        supabase.rows(damage)
        tenant.insert(3)
        count = "select count(*) from public.live_updates where site_id = %s"
        assert supabase.value(count, tenant.site_id) == 3
        [notice] = [n for n in notices if n.startswith("WARNING")]
        assert "updates were stored but not broadcast" in notice

    def test_table_that_does_not_exist_is_not_worth_a_warning(
        self, supabase: SupabaseDatabase, tenant: Tenant, notices: list[str]
    ) -> None:
        supabase.rows("alter table realtime.messages rename to elsewhere")
        tenant.insert()
        tenant.mirror(epoch=2)
        count = "select count(*) from public.live_updates where site_id = %s"
        assert supabase.value(count, tenant.site_id) == 1
        assert notices == []


class TestReauthenticate:
    def test_new_epoch_tells_the_old_topic(
        self, supabase: SupabaseDatabase, tenant: Tenant
    ) -> None:
        old = tenant.topic
        tenant.mirror(epoch=2)
        assert messages(supabase, tenant) == [(old, "reauthenticate", {})]

    def test_deletion_tells_the_topic(self, supabase: SupabaseDatabase, tenant: Tenant) -> None:
        tenant.delete()
        assert messages(supabase, tenant) == [(tenant.topic, "reauthenticate", {})]

    @pytest.mark.parametrize("change", [{}, {"expires_at": "2999-01-01T00:00:00Z"}])
    def test_same_epoch_tells_nobody(
        self, change: dict[str, Any], supabase: SupabaseDatabase, tenant: Tenant
    ) -> None:
        tenant.mirror(**change)
        assert messages(supabase, tenant) == []

    def test_failure_is_a_warning_and_the_right_is_lost_all_the_same(
        self, supabase: SupabaseDatabase, tenant: Tenant, notices: list[str]
    ) -> None:
        supabase.rows("alter table realtime.messages add check (topic = 'nothing') not valid")
        tenant.revoke()
        query = "select revoked_at is not null from spool_live.api_keys where id = %s"
        assert supabase.value(query, tenant.key_id) is True
        assert ["not asked to re-authenticate" in n for n in notices] == [True]


@pytest.mark.django_db(transaction=True, databases="__all__")
class TestRace:
    """Once a new epoch has committed, nothing goes to the old topic."""

    INSERT = (
        "insert into public.live_updates (site_id, event_type, collection, item_id, seq) "
        "values (%s, 'content.updated', 'x', gen_random_uuid(), 1)"
    )
    MIRROR = "select public.spool_live_mirror(%s)"

    def test_delivery_waits_for_a_change_of_epoch_and_uses_the_new_one(
        self, supabase: SupabaseDatabase, tenant: Tenant
    ) -> None:
        tenant.epoch, tenant.version = 2, tenant.version + 1
        payload = json.dumps(tenant.payload())
        with supabase.other_session() as mirroring, supabase.other_session() as delivering:
            mirroring.execute(self.MIRROR, [payload])
            thread = threading.Thread(
                target=delivering.execute, args=[self.INSERT, [tenant.site_id]]
            )
            thread.start()
            wait_until(lambda: waits_for_a_lock(supabase, delivering.info.backend_pid))
            mirroring.commit()
            thread.join(WAIT)
            delivering.commit()
        assert [(topic, event) for topic, event, _ in messages(supabase, tenant)] == [
            (f"site:{tenant.site_id}:1", "reauthenticate"),
            (f"site:{tenant.site_id}:2", "live_updates"),
        ]

    def test_change_of_epoch_waits_for_a_delivery_on_the_old_topic(
        self, supabase: SupabaseDatabase, tenant: Tenant
    ) -> None:
        tenant.epoch, tenant.version = 2, tenant.version + 1
        payload = json.dumps(tenant.payload())
        with supabase.other_session() as mirroring, supabase.other_session() as delivering:
            delivering.execute(self.INSERT, [tenant.site_id])
            thread = threading.Thread(target=mirroring.execute, args=[self.MIRROR, [payload]])
            thread.start()
            wait_until(lambda: waits_for_a_lock(supabase, mirroring.info.backend_pid))
            delivering.commit()
            thread.join(WAIT)
            mirroring.commit()
        assert [(topic, event) for topic, event, _ in messages(supabase, tenant)] == [
            (f"site:{tenant.site_id}:1", "live_updates"),
            (f"site:{tenant.site_id}:1", "reauthenticate"),
        ]

    def test_two_deliveries_do_not_wait_for_each_other(
        self, supabase: SupabaseDatabase, tenant: Tenant
    ) -> None:
        with supabase.other_session() as one, supabase.other_session() as two:
            one.execute(self.INSERT, [tenant.site_id])
            two.execute("set local lock_timeout = '2s'")
            two.execute(self.INSERT.replace("1)", "2)"), [tenant.site_id])
            two.commit()
            one.commit()
        assert len(messages(supabase, tenant)) == 2

    def test_a_change_that_is_rolled_back_tells_nobody(
        self, supabase: SupabaseDatabase, tenant: Tenant
    ) -> None:
        tenant.epoch, tenant.version = 2, tenant.version + 1
        with supabase.other_session() as session:
            session.execute(self.MIRROR, [json.dumps(tenant.payload())])
            session.rollback()
        assert messages(supabase, tenant) == []
        query = "select epoch from spool_live.sites where site_id = %s"
        assert supabase.value(query, tenant.site_id) == 1
