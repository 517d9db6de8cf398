from __future__ import annotations

from dataclasses import replace

import pytest

from spool_live.capacity import (
    BROADCAST,
    POSTGRES_CHANGES,
    Load,
    ends_at,
    reckon,
    suffices,
)
from spool_live.plans import PLANS, SupabasePlan

ROOMY = SupabasePlan(connections=100_000, messages_per_second=100_000, joins_per_second=100_000)


def fits(mode: str, load: Load, plan: SupabasePlan = ROOMY) -> bool:
    return suffices(mode, list(reckon(load, plan)))


@pytest.mark.parametrize("mode", [BROADCAST, POSTGRES_CHANGES])
def test_small_newsroom_fits_the_free_plan(mode: str) -> None:
    assert fits(mode, Load(sites=5, subscribers=3, edits_per_minute=30), PLANS["free"])


@pytest.mark.parametrize("mode", [BROADCAST, POSTGRES_CHANGES])
def test_connections_end_both(mode: str) -> None:
    load = Load(sites=100, subscribers=3, edits_per_minute=1)
    assert not fits(mode, load, PLANS["free"])
    assert ends_at(mode, load, PLANS["free"]) == 0


def test_subscriptions_of_all_sites_cost_postgres_changes_only() -> None:
    load = Load(sites=500, subscribers=4, edits_per_minute=600)
    assert fits(BROADCAST, load)
    assert not fits(POSTGRES_CHANGES, load)


@pytest.mark.parametrize(("burst", "subscribers"), [(150, 1400), (10_000, 1001)])
def test_bulk_edit_costs_postgres_changes_a_check_for_each_row_of_a_batch_and_subscription(
    burst: int, subscribers: int
) -> None:
    load = Load(sites=1, subscribers=subscribers, edits_per_minute=1, burst=burst)
    assert fits(BROADCAST, load)
    assert not fits(POSTGRES_CHANGES, load)
    assert fits(POSTGRES_CHANGES, replace(load, subscribers=900, burst=burst // 2))


@pytest.mark.parametrize("mode", [BROADCAST, POSTGRES_CHANGES])
@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_end_is_where_it_stops_to_fit(mode: str, plan: SupabasePlan) -> None:
    here = Load(sites=10, subscribers=15, edits_per_minute=1)
    end = ends_at(mode, here, plan)
    assert fits(mode, Load(10, 15, end * 0.999), plan)
    assert not fits(mode, Load(10, 15, end * 1.001), plan)


def test_nobody_subscribes() -> None:
    assert ends_at(POSTGRES_CHANGES, Load(3, 0, 10), PLANS["free"]) == float("inf")
