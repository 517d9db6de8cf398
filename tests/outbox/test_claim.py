from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from unittest.mock import ANY

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from spool_live import outbox
from spool_live.models import OutboxEntry, Site, SiteDelivery
from spool_live.outbox import Settlement
from tests.outbox.conftest import (
    Clock,
    MakeSite,
    State,
    claimed,
    delivered,
    delivery,
    seqs,
    update,
    waiting,
)

pytestmark = pytest.mark.django_db

Live = Callable[..., None]


class TestEntries:
    def test_nothing_waits(self, site: Site) -> None:
        assert outbox.claim_batch("default") is None

    def test_oldest_first_with_the_next_numbers(self, site: Site) -> None:
        pks = waiting(site, 3)
        claim = claimed()
        assert [(entry.pk, entry.seq) for entry in claim.entries] == list(
            zip(pks, (1, 2, 3), strict=True)
        )
        assert seqs(site) == [1, 2, 3]
        assert delivery(site).last_seq == 3

    def test_each_site_has_its_own_numbers(self, make_site: MakeSite) -> None:
        sites = [make_site() for _ in range(3)]
        for _ in range(2):
            for site in sites:
                waiting(site)
        claim = claimed()
        assert set(claim.sites) == {site.pk for site in sites}
        by_site = {
            site.pk: [e.seq for e in claim.entries if e.site_id == site.pk] for site in sites
        }
        assert set(map(tuple, by_site.values())) == {(1, 2)}

    def test_carries_the_whole_update(self, site: Site) -> None:
        waiting(site, slug="ferry", metadata={"title": "Füße"})
        [entry] = claimed().entries
        assert entry.as_update() == OutboxEntry.objects.get().as_update()
        assert entry.as_update().metadata == {"title": "Füße", "cache_tags": ANY}

    def test_update_before_it_has_a_number(self, site: Site) -> None:
        waiting(site)
        with pytest.raises(ValueError, match="no seq"):
            OutboxEntry.objects.get().as_update()

    def test_at_most_a_batch(self, site: Site, live: Live) -> None:
        live(DELIVERY_BATCH_SIZE=2)
        waiting(site, 5)
        for expected in ([1, 2], [3, 4], [5]):
            claim = claimed()
            assert [entry.seq for entry in claim.entries] == expected
            outbox.settle(claim, delivered(claim))
        assert outbox.claim_batch("default") is None

    def test_at_most_a_batch_in_bytes_but_always_one(self, site: Site, live: Live) -> None:
        live(DELIVERY_BATCH_BYTES=3_000)
        waiting(site, 3, metadata={"text": "x" * 1_000})
        waiting(site, 1, metadata={"text": "x" * 8_000})
        waiting(site, 1)
        sizes = []
        while claim := outbox.claim_batch("default"):
            sizes.append(len(claim.entries))
            outbox.settle(claim, delivered(claim))
        assert sizes == [2, 1, 1, 1]

    def test_settled_ones_are_left_alone(self, site: Site) -> None:
        pks = waiting(site, 4)
        for pk, state in zip(pks, ("delivered", "dead", "dropped"), strict=False):
            OutboxEntry.objects.filter(pk=pk).update(state=state)
        assert [entry.pk for entry in claimed().entries] == pks[3:]

    def test_numbers_are_kept_through_retries(self, site: Site) -> None:
        waiting(site, 2)
        claim = claimed()
        outbox.settle(claim, delivered(claim, [claim.entries[0].pk]))
        waiting(site)
        assert [entry.seq for entry in claimed().entries] == [2, 3]

    def test_numbered_ones_come_before_older_ones_that_were_committed_later(
        self, site: Site, live: Live
    ) -> None:
        """A long transaction takes its ids early: entries numbered meanwhile still go first."""
        live(DELIVERY_BATCH_SIZE=2)
        late, [early] = waiting(site, 3), waiting(site)
        OutboxEntry.objects.filter(pk__in=late).update(state="invisible")
        outbox.settle(claimed(), Settlement())
        assert seqs(site) == [None, None, None, 1]
        OutboxEntry.objects.filter(pk__in=late).update(state=State.PENDING)
        order: list[int] = []
        while claim := outbox.claim_batch("default"):
            order += [entry.pk for entry in claim.entries]
            assert [entry.seq for entry in claim.entries] == sorted(
                entry.seq or 0 for entry in claim.entries
            )
            outbox.settle(claim, delivered(claim))
        assert order == [early, *late]

    @pytest.mark.django_db(databases=["default", "other"])
    def test_of_another_alias(self, make_site: MakeSite) -> None:
        site = make_site(using="other")
        waiting(site, using="other")
        assert outbox.claim_batch("default") is None
        assert [entry.seq for entry in claimed("other").entries] == [1]
        assert seqs(site, "other") == [1]


class TestLease:
    def test_site_is_claimed_once(self, site: Site) -> None:
        waiting(site, 2)
        claim = claimed()
        waiting(site)
        assert outbox.claim_batch("default") is None
        stored = delivery(site)
        assert stored.lease_token == claim.token
        assert stored.leased_until == claim.leased_until

    def test_other_sites_go_on(self, make_site: MakeSite) -> None:
        one, two = make_site(), make_site()
        waiting(one)
        claimed()
        waiting(two)
        waiting(one)
        assert set(claimed().sites) == {two.pk}

    def test_ends_by_itself(self, site: Site, clock: Clock, live: Live) -> None:
        live(DELIVERY_LEASE=30)
        waiting(site)
        first = claimed()
        assert first.leased_until == clock.now + timedelta(seconds=30)
        clock.advance(seconds=29.9)
        assert outbox.claim_batch("default") is None
        clock.advance(seconds=0.1)
        second = claimed()
        assert second.token != first.token
        assert [entry.seq for entry in second.entries] == [1]

    def test_site_that_waits_for_a_retry(self, site: Site, clock: Clock) -> None:
        waiting(site)
        retry_at = clock.now + timedelta(seconds=5)
        outbox.settle(claimed(), Settlement(retry={site.pk: "away"}, retry_at=retry_at))
        waiting(site)
        assert outbox.claim_batch("default") is None
        clock.advance(seconds=5)
        assert [entry.seq for entry in claimed().entries] == [1, 2]

    def test_busy_sites_do_not_hide_the_others(self, make_site: MakeSite, live: Live) -> None:
        live(DELIVERY_BATCH_SIZE=2)
        busy, quiet = make_site(), make_site()
        waiting(busy, 10)
        claimed()
        waiting(quiet)
        assert set(claimed().sites) == {quiet.pk}

    def test_is_on_the_sites_of_the_entries_only(self, make_site: MakeSite, live: Live) -> None:
        """If no more bytes fit, the next site is left to another worker."""
        live(DELIVERY_BATCH_BYTES=1)
        one, two = make_site(), make_site()
        waiting(one)
        waiting(two)
        claims = [claimed(), claimed()]
        assert [len(claim.entries) for claim in claims] == [1, 1]
        assert [set(claim.sites) for claim in claims] == [
            {claim.entries[0].site_id} for claim in claims
        ]
        assert {one.pk, two.pk} == {pk for claim in claims for pk in claim.sites}
        leased = SiteDelivery.objects.filter(lease_token=claims[1].token)
        assert [state.pk for state in leased] == list(claims[1].sites)

    def test_site_that_another_claim_holds_locked_is_passed_by(self, site: Site) -> None:
        """It was found waiting, and another claim leased it just before it could be locked."""
        waiting(site)
        delivery_of = SiteDelivery.objects.filter(pk=site.pk)

        def lease_first(execute: Any, sql: str, *rest: Any) -> Any:
            if "lease_token" in sql and not taken:
                taken.append(sql)
                with connection.execute_wrapper(lambda e, s, p, m, c: e(s, p, m, c)):
                    delivery_of.update(
                        lease_token=uuid.uuid4(),
                        leased_until=timezone.now() + timedelta(seconds=30),
                    )
            return execute(sql, *rest)

        taken: list[str] = []
        with connection.execute_wrapper(lease_first):
            assert outbox.claim_batch("default") is None
        assert taken
        assert seqs(site) == [None]


class TestOrphans:
    def test_site_that_is_deleted(self, site: Site) -> None:
        waiting(site)
        pk = site.pk
        site.delete()
        claim = claimed()
        assert claim.orphans == {pk}
        assert len(claim.entries) == 1

    def test_site_that_never_was(self, db: None) -> None:
        stranger = uuid.uuid4()
        outbox.record([(stranger, update())], using="default")
        assert claimed().orphans == {stranger}

    def test_site_that_supabase_holds_for_dead(self, site: Site) -> None:
        waiting(site)
        SiteDelivery.objects.filter(pk=site.pk).update(deleted_at="2026-07-01T00:00:00+00:00")
        assert claimed().orphans == {site.pk}

    def test_site_without_a_state_gets_one(self, site: Site) -> None:
        SiteDelivery.objects.all().delete()
        waiting(site)
        assert claimed().orphans == set()
        assert delivery(site).last_seq == 1


def test_costs_the_same_for_any_number_of_entries(make_site: MakeSite) -> None:
    counts = []
    for number in (1, 200):
        site = make_site()
        outbox.record([(site.pk, update()) for _ in range(number)], using="default")
        with CaptureQueriesContext(connection) as queries:
            claim = claimed()
        counts.append(len(queries))
        outbox.settle(claim, delivered(claim))
    if connections["default"].vendor == "postgresql":
        assert counts[0] == counts[1]
    assert counts[0] <= (5 if connections["default"].vendor == "postgresql" else 18)
