"""``public.spool_live_cleanup``: batches, one at a time."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from spool_live.delivery.cleanup import CRON_STEP, SMALL_STEP, pg_cron_sql
from tests.sql.conftest import MakeTenant, SupabaseDatabase, Tenant

pytestmark = pytest.mark.django_db(databases="__all__")


@pytest.fixture
def tenant(make_tenant: MakeTenant) -> Tenant:
    tenant = make_tenant(updates=5)
    tenant.supabase.rows(
        "update public.live_updates set inserted_at = now() - interval '2 hours' "
        "where site_id = %s and seq <= 3",
        tenant.site_id,
    )
    return tenant


def left(tenant: Tenant) -> list[int]:
    query = "select seq from public.live_updates where site_id = %s order by seq"
    return [row[0] for row in tenant.supabase.rows(query, tenant.site_id)]


def test_removes_what_was_inserted_before(supabase: SupabaseDatabase, tenant: Tenant) -> None:
    before = timezone.now() - timedelta(hours=1)
    answer = supabase.call("spool_live_cleanup", before=before, max_rows=100)
    assert (answer["deleted"], answer["busy"]) == (3, False)
    assert left(tenant) == [4, 5]


def test_goes_by_insertion_and_not_by_the_time_of_the_edit(
    supabase: SupabaseDatabase, tenant: Tenant
) -> None:
    supabase.rows("update public.live_updates set \"timestamp\" = now() - interval '9 days'")
    before = timezone.now() - timedelta(hours=1)
    supabase.call("spool_live_cleanup", before=before, max_rows=100)
    assert left(tenant) == [4, 5]


def test_removes_at_most_what_is_asked_for(supabase: SupabaseDatabase, tenant: Tenant) -> None:
    later = timezone.now() + timedelta(hours=1)
    deleted = [
        supabase.call("spool_live_cleanup", before=later, max_rows=2)["deleted"] for _ in range(4)
    ]
    assert deleted == [2, 2, 1, 0]


def test_second_caller_at_the_same_time_is_told_so(
    supabase: SupabaseDatabase, tenant: Tenant
) -> None:
    later = timezone.now() + timedelta(hours=1)
    with supabase.other_session() as session:
        session.execute("select public.spool_live_cleanup(now() - interval '1 year', 1)")
        answer = supabase.call("spool_live_cleanup", before=later, max_rows=100)
        assert (answer["deleted"], answer["busy"]) == (0, True)
        session.rollback()
    answer = supabase.call("spool_live_cleanup", before=later, max_rows=100)
    assert (answer["deleted"], answer["busy"]) == (5, False)


@pytest.mark.parametrize(
    ("change", "published"),
    [
        pytest.param("set (publish = 'insert, update, delete')", True, id="deletions"),
        pytest.param("set (publish = 'insert')", False, id="insertions only"),
        pytest.param("drop table public.live_updates", False, id="not at all"),
    ],
)
def test_says_whether_realtime_reads_each_deletion(
    change: str, published: bool, supabase: SupabaseDatabase
) -> None:
    supabase.rows(f"alter publication supabase_realtime {change}")
    answer = supabase.call("spool_live_cleanup", before=timezone.now(), max_rows=1)
    assert answer["publishes_deletes"] is published


@pytest.mark.parametrize(
    ("publish", "step"),
    [("insert, update, delete", SMALL_STEP), ("insert", CRON_STEP)],
    ids=["deletions published", "insertions only"],
)
def test_job_of_pg_cron_removes_what_expired_in_steps_that_suit_realtime(
    publish: str, step: int, supabase: SupabaseDatabase, tenant: Tenant
) -> None:
    supabase.rows(f"alter publication supabase_realtime set (publish = '{publish}')")
    supabase.rows(
        "insert into public.live_updates (site_id, event_type, collection, item_id, inserted_at) "
        "select %s, 'content.updated', 'articles', gen_random_uuid(), now() - interval '3 hours' "
        "from generate_series(1, %s)",
        tenant.site_id,
        SMALL_STEP,
    )
    job = pg_cron_sql().split("$job$")[1]
    answer = json.loads(supabase.value(job))
    assert answer["deleted"] == min(step, SMALL_STEP + 3)
    assert set(left(tenant)) >= {4, 5}


def test_job_of_pg_cron_goes_by_the_retention(live: Callable[..., None]) -> None:
    live(RETENTION=5400)
    assert "interval '5400 seconds'" in pg_cron_sql()
