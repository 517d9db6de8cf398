"""``public.spool_live_mirror``: whole sites with a version; older ones and the dead stay behind."""

from __future__ import annotations

import json
import threading
import uuid
from functools import partial
from typing import Any

import pytest
from django.db import DatabaseError, transaction

from spool_live.local.processes import wait_until
from tests.sql.conftest import WAIT, MakeTenant, SupabaseDatabase, Tenant, waits_for_a_lock

pytestmark = pytest.mark.django_db(databases="__all__")


@pytest.fixture
def tenant(make_tenant: MakeTenant) -> Tenant:
    return make_tenant(updates=1)


def held(supabase: SupabaseDatabase, tenant: Tenant) -> tuple[int, int, bool]:
    """Version, epoch and tombstone of the site."""
    query = "select version, epoch, deleted_at is not null from spool_live.sites where site_id = %s"
    return tuple(supabase.rows(query, tenant.site_id)[0])


def key_ids(supabase: SupabaseDatabase, tenant: Tenant) -> set[uuid.UUID]:
    query = "select id from spool_live.api_keys where site_id = %s"
    return {row[0] for row in supabase.rows(query, tenant.site_id)}


def mirror(supabase: SupabaseDatabase, tenant: Tenant, **payload: Any) -> dict[str, Any]:
    return supabase.call("spool_live_mirror", site=tenant.payload(**payload))


def test_answer_says_what_holds_now(supabase: SupabaseDatabase, tenant: Tenant) -> None:
    answer = mirror(supabase, tenant, version=9, epoch=3)
    assert answer == {"version": 9, "epoch": 3, "deleted": False, "applied": True}
    assert held(supabase, tenant) == (9, 3, False)


@pytest.mark.parametrize(
    "older", [{"version": 1}, {"version": 9, "epoch": 1}, {"version": 1, "deleted": True}]
)
def test_older_one_is_ignored(
    older: dict[str, Any], supabase: SupabaseDatabase, tenant: Tenant
) -> None:
    mirror(supabase, tenant, version=5, epoch=2)
    answer = mirror(supabase, tenant, **{"epoch": 2, "api_keys": [], **older})
    assert answer == {"version": 5, "epoch": 2, "deleted": False, "applied": False}
    assert key_ids(supabase, tenant) == {tenant.key_id}


def test_same_version_again_heals_what_somebody_deleted(
    supabase: SupabaseDatabase, tenant: Tenant
) -> None:
    supabase.rows("delete from spool_live.api_keys where site_id = %s", tenant.site_id)
    assert mirror(supabase, tenant)["applied"] is True
    assert key_ids(supabase, tenant) == {tenant.key_id}


def test_keys_are_replaced_as_a_whole(supabase: SupabaseDatabase, tenant: Tenant) -> None:
    fresh = str(uuid.uuid4())
    keys = [{"id": fresh, "expires_at": None, "revoked_at": None}]
    mirror(supabase, tenant, version=5, api_keys=keys)
    assert key_ids(supabase, tenant) == {uuid.UUID(fresh)}
    mirror(supabase, tenant, version=6, api_keys=[])
    assert key_ids(supabase, tenant) == set()


def test_validity_of_a_key_follows(supabase: SupabaseDatabase, tenant: Tenant) -> None:
    moment = "2026-07-01T12:30:00.123456+00:00"
    tenant.mirror(expires_at=moment, revoked_at=moment)
    query = "select expires_at::text, revoked_at::text from spool_live.api_keys where id = %s"
    assert set(supabase.rows(query, tenant.key_id)[0]) == {"2026-07-01 12:30:00.123456+00"}


def test_key_that_went_to_another_site_stays_there(
    supabase: SupabaseDatabase, make_tenant: MakeTenant
) -> None:
    old, new = make_tenant(), make_tenant()
    key = old.payload()["api_keys"][0]
    mirror(supabase, new, version=8, api_keys=[key])
    mirror(supabase, old, version=8, api_keys=[])
    assert key_ids(supabase, new) == {old.key_id}
    assert key_ids(supabase, old) == set()


class TestTombstone:
    def test_takes_keys_and_updates_with_it(
        self, supabase: SupabaseDatabase, tenant: Tenant
    ) -> None:
        answer = mirror(supabase, tenant, version=5, deleted=True, name="")
        assert answer == {"version": 5, "epoch": 1, "deleted": True, "applied": True}
        assert key_ids(supabase, tenant) == set()
        query = "select count(*) from public.live_updates where site_id = %s"
        assert supabase.value(query, tenant.site_id) == 0

    def test_is_final(self, supabase: SupabaseDatabase, tenant: Tenant) -> None:
        tenant.delete()
        answer = mirror(supabase, tenant, version=99, epoch=99, deleted=False)
        assert answer["applied"] is False
        assert answer["deleted"] is True
        assert key_ids(supabase, tenant) == set()

    def test_keeps_the_moment_of_the_first(
        self, supabase: SupabaseDatabase, tenant: Tenant
    ) -> None:
        tenant.delete()
        supabase.rows("update spool_live.sites set deleted_at = '2026-07-01'")
        tenant.delete()
        query = "select deleted_at::date::text from spool_live.sites where site_id = %s"
        assert supabase.value(query, tenant.site_id) == "2026-07-01"

    def test_of_a_site_that_was_never_known(
        self, supabase: SupabaseDatabase, tenant: Tenant
    ) -> None:
        stranger = Tenant(supabase, uuid.uuid4(), uuid.uuid4())
        assert mirror(supabase, stranger, deleted=True)["applied"] is True
        assert held(supabase, stranger) == (1, 1, True)


class TestName:
    """``public.sites`` is the mirror's only where it is not Django's."""

    def names(self, supabase: SupabaseDatabase, tenant: Tenant) -> list[Any]:
        query = "select name from public.sites where id = %s"
        return [row[0] for row in supabase.rows(query, tenant.site_id)]

    def test_is_kept_up_to_date(self, supabase: SupabaseDatabase, tenant: Tenant) -> None:
        for name in ("Herald", "Herald", "Ledger"):
            mirror(supabase, tenant, version=9, name=name)
            assert self.names(supabase, tenant) == [name]
        mirror(supabase, tenant, version=10, name="", deleted=True)
        assert self.names(supabase, tenant) == []

    def test_is_left_alone_without_one(self, supabase: SupabaseDatabase, tenant: Tenant) -> None:
        before = self.names(supabase, tenant)
        mirror(supabase, tenant, version=9, name=None)
        mirror(supabase, tenant, version=10, name=None, deleted=True)
        assert self.names(supabase, tenant) == before != []


@pytest.mark.django_db(transaction=True, databases="__all__")
def test_older_one_that_comes_meanwhile_waits_and_is_ignored(
    supabase: SupabaseDatabase, tenant: Tenant
) -> None:
    call = "select public.spool_live_mirror(%s)"
    newer, older = (json.dumps(tenant.payload(version=version)) for version in (9, 5))
    with supabase.other_session() as first, supabase.other_session() as second:
        first.execute(call, [newer])
        thread = threading.Thread(target=second.execute, args=[call, [older]])
        thread.start()
        wait_until(lambda: waits_for_a_lock(supabase, second.info.backend_pid))
        first.commit()
        thread.join(WAIT)
        second.commit()
    assert held(supabase, tenant) == (9, 1, False)


@pytest.mark.django_db(transaction=True, databases="__all__")
def test_older_one_that_began_before_either_wrote_waits_and_is_ignored(
    supabase: SupabaseDatabase, tenant: Tenant
) -> None:
    """Both have read what is held when the newer one is kept from writing for a moment."""
    call = "select public.spool_live_mirror(%s)"

    def mirror_in(session: Any, version: int) -> None:
        session.execute(call, [json.dumps(tenant.payload(version=version))])
        session.commit()

    supabase.rows(
        "create function spool_live.wait_at_the_gate() returns trigger language plpgsql as "
        "$$ begin perform pg_advisory_xact_lock(815); return null; end $$"
    )
    supabase.rows(
        "create trigger gate before update on spool_live.sites "
        "execute function spool_live.wait_at_the_gate()"
    )
    try:
        with (
            supabase.other_session() as gate,
            supabase.other_session() as first,
            supabase.other_session() as second,
        ):
            gate.execute("select pg_advisory_xact_lock(815)")
            running = []
            for session, version in ((first, 9), (second, 5)):
                running.append(threading.Thread(target=mirror_in, args=[session, version]))
                running[-1].start()
                pid = session.info.backend_pid
                wait_until(partial(waits_for_a_lock, supabase, pid))
            gate.commit()
            for thread in running:
                thread.join(WAIT)
    finally:
        supabase.rows("drop trigger gate on spool_live.sites")
        supabase.rows("drop function spool_live.wait_at_the_gate()")
    assert held(supabase, tenant) == (9, 1, False)


@pytest.mark.parametrize(
    "damage",
    [
        {"site_id": None},
        {"site_id": "seven"},
        {"version": None},
        {"version": 0},
        {"epoch": 0},
        {"api_keys": [{"id": "seven"}]},
        {"api_keys": "none"},
    ],
    ids=str,
)
def test_malformed_site_changes_nothing(
    damage: dict[str, Any], supabase: SupabaseDatabase, tenant: Tenant
) -> None:
    before = held(supabase, tenant)
    with pytest.raises(DatabaseError), transaction.atomic(using=supabase.alias):
        supabase.value("select public.spool_live_mirror(%s)", json.dumps(tenant.payload(**damage)))
    assert held(supabase, tenant) == before
    assert key_ids(supabase, tenant) == {tenant.key_id}
