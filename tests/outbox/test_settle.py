from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection

from spool_live import outbox
from spool_live.models import OutboxEntry, Site, SiteDelivery
from spool_live.outbox import Settlement
from tests.outbox.conftest import (
    Clock,
    MakeSite,
    claimed,
    delivered,
    delivery,
    seqs,
    states,
    waiting,
)

pytestmark = pytest.mark.django_db


def test_delivered_ones_are_done_and_the_lease_is_given_back(site: Site, clock: Clock) -> None:
    waiting(site, 2)
    claim = claimed()
    assert outbox.settle(claim, delivered(claim)) == delivered(claim)
    assert states(site) == ["delivered", "delivered"]
    assert set(OutboxEntry.objects.values_list("settled_at", flat=True)) == {clock.now}
    stored = delivery(site)
    assert (stored.lease_token, stored.leased_until) == (None, None)
    assert (stored.failures, stored.retry_at, stored.last_error) == (0, None, "")


def test_dead_one_lets_its_site_go_on(site: Site, clock: Clock) -> None:
    first, second = waiting(site, 2)
    claim = claimed()
    outbox.settle(claim, Settlement(delivered=[second], dead={first: "22P02: no number"}))
    entry = OutboxEntry.objects.get(pk=first)
    assert (entry.state, entry.last_error, entry.attempts) == ("dead", "22P02: no number", 1)
    assert (entry.seq, entry.settled_at) == (1, clock.now)
    assert delivery(site).retry_at is None


def test_dropped_ones(site: Site) -> None:
    pks = waiting(site, 2)
    outbox.settle(claimed(), Settlement(dropped=pks))
    assert states(site) == ["dropped", "dropped"]


def test_what_is_in_none_waits_on(site: Site) -> None:
    waiting(site)
    outbox.settle(claimed(), Settlement())
    assert states(site) == ["pending"]
    assert [entry.seq for entry in claimed().entries] == [1]


def test_retry_postpones_the_site_and_counts(site: Site, clock: Clock) -> None:
    waiting(site, 2)
    retry_at = clock.now + timedelta(seconds=5)
    for failures in (1, 2):
        claim = claimed()
        outbox.settle(claim, Settlement(retry={site.pk: "away"}, retry_at=retry_at))
        stored = delivery(site)
        assert (stored.failures, stored.retry_at) == (failures, retry_at)
        assert (stored.last_error, stored.lease_token) == ("away", None)
        assert set(OutboxEntry.objects.values_list("attempts", flat=True)) == {failures}
        clock.advance(seconds=5)
    assert states(site) == ["pending", "pending"]


def test_success_forgets_failures(site: Site, clock: Clock) -> None:
    waiting(site)
    claim = claimed()
    outbox.settle(claim, Settlement(retry={site.pk: "away"}, retry_at=clock.now))
    claim = claimed()
    outbox.settle(claim, delivered(claim))
    stored = delivery(site)
    assert (stored.failures, stored.retry_at, stored.last_error) == (0, None, "")
    assert OutboxEntry.objects.get().last_error == ""


def test_sites_of_one_claim_end_each_in_their_own_way(make_site: MakeSite, clock: Clock) -> None:
    well, away, refused = (make_site() for _ in range(3))
    [one], [two], [three] = waiting(well), waiting(away), waiting(refused)
    retry_at = clock.now + timedelta(seconds=5)
    settlement = Settlement(
        delivered=[one],
        retry={away.pk: "away", refused.pk: "no such site"},
        retry_at=retry_at,
    )
    outbox.settle(claimed(), settlement)
    assert [states(s) for s in (well, away, refused)] == [["delivered"], ["pending"], ["pending"]]
    assert delivery(well).retry_at is None
    assert delivery(away).last_error == "away"
    assert delivery(refused).last_error == "no such site"
    assert SiteDelivery.objects.filter(lease_token=None).count() == 3
    assert OutboxEntry.objects.get(pk=three).attempts == OutboxEntry.objects.get(pk=two).attempts


class TestRenumbering:
    def test_raises_the_counter_and_numbers_afresh(self, site: Site) -> None:
        first, *_ = waiting(site, 3)
        claim = claimed()
        outbox.settle(claim, Settlement(delivered=[first], renumber={site.pk: 70}))
        assert seqs(site) == [1, None, None]
        assert delivery(site).last_seq == 70
        assert [entry.seq for entry in claimed().entries] == [71, 72]

    def test_never_lowers_the_counter(self, site: Site) -> None:
        waiting(site, 3)
        outbox.settle(claimed(), Settlement(renumber={site.pk: 2}))
        assert delivery(site).last_seq == 3
        assert [entry.seq for entry in claimed().entries] == [4, 5, 6]

    def test_leaves_other_sites_alone(self, make_site: MakeSite) -> None:
        one, two = make_site(), make_site()
        waiting(one)
        waiting(two)
        outbox.settle(claimed(), Settlement(renumber={one.pk: 70}))
        assert (seqs(one), seqs(two)) == ([None], [1])


def is_nothing(written: Settlement) -> bool:
    return not any(
        (written.delivered, written.dropped, written.dead, written.retry, written.renumber)
    )


class TestFence:
    """A worker that lost its lease changes nothing."""

    def test_lease_that_another_took(self, site: Site, clock: Clock) -> None:
        [pk] = waiting(site)
        lost = claimed()
        clock.advance(days=1)
        held = claimed()
        settlement = Settlement(
            delivered=[pk],
            dead={pk: "x"},
            retry={site.pk: "away"},
            retry_at=clock.now,
            renumber={site.pk: 70},
        )
        before = delivery(site)
        assert is_nothing(outbox.settle(lost, settlement))
        after = delivery(site)
        assert states(site) == ["pending"]
        assert OutboxEntry.objects.get().attempts == 0
        assert after.lease_token == before.lease_token == held.token
        assert (after.last_seq, after.failures) == (1, 0)
        assert outbox.settle(held, delivered(held)) == delivered(held)
        assert states(site) == ["delivered"]

    def test_lease_that_ended_but_nobody_took(self, site: Site, clock: Clock) -> None:
        waiting(site)
        claim = claimed()
        clock.advance(days=1)
        assert outbox.settle(claim, delivered(claim)) == delivered(claim)
        assert states(site) == ["delivered"]

    def test_lease_of_some_sites_only(self, make_site: MakeSite, clock: Clock) -> None:
        kept, lost = make_site(), make_site()
        waiting(kept)
        waiting(lost)
        claim = claimed()
        SiteDelivery.objects.filter(pk=lost.pk).update(lease_token=uuid.uuid4())
        written = outbox.settle(claim, delivered(claim))
        assert written == delivered(claim, [e.pk for e in claim.entries if e.site_id == kept.pk])
        assert (states(kept), states(lost)) == (["delivered"], ["pending"])

    def test_twice(self, site: Site) -> None:
        waiting(site)
        claim = claimed()
        assert outbox.settle(claim, delivered(claim)) == delivered(claim)
        assert is_nothing(outbox.settle(claim, Settlement(dropped=[e.pk for e in claim.entries])))
        assert states(site) == ["delivered"]

    @pytest.mark.parametrize(
        "ending", ["delivered", "delivered beside another", "dropped", "dead", "blamed", "retry"]
    )
    def test_entry_that_was_settled_by_hand_meanwhile(self, ending: str, site: Site) -> None:
        pk, other = waiting(site, 2)
        claim = claimed()
        OutboxEntry.objects.filter(pk=pk).update(state="dropped")
        again: dict[str, Any] = {"retry": {site.pk: "22P02"}, "retry_at": claim.leased_until}
        settlement = {
            "delivered": Settlement(delivered=[pk, other]),
            "delivered beside another": Settlement(delivered=[pk], dead={other: "22P02"}),
            "dropped": Settlement(dropped=[pk, other]),
            "dead": Settlement(dead={pk: "22P02"}),
            "blamed": Settlement(blamed={pk: "22P02"}, **again),
            "retry": Settlement(**again),
        }[ending]
        outbox.settle(claim, settlement)
        entry = OutboxEntry.objects.get(pk=pk)
        assert (entry.state, entry.settled_at, entry.last_error) == ("dropped", None, "")
        assert entry.attempts == 0


class GoneBefore:
    """Raises before the nth writing statement, as a lost connection does."""

    def __init__(self, nth: int) -> None:
        self._left = nth

    def __call__(self, execute: Any, sql: str, *rest: Any) -> Any:
        if sql.startswith("UPDATE"):
            if self._left == 0:
                raise OperationalError("the connection is lost")
            self._left -= 1
        return execute(sql, *rest)


def test_settlement_that_fails_half_way_changes_nothing(site: Site) -> None:
    good, bad, _ = waiting(site, 3)
    claim = claimed()
    settlement = Settlement(
        delivered=[good],
        dead={bad: "22P02: no number"},
        retry={site.pk: "busy"},
        retry_at=claim.leased_until,
    )
    failures = 0
    while True:
        try:
            with connection.execute_wrapper(GoneBefore(failures)):
                outbox.settle(claim, settlement)
        except OperationalError:
            failures += 1
            assert states(site) == ["pending"] * 3
            assert delivery(site).lease_token == claim.token
            assert delivery(site).failures == 0
        else:
            break
    assert failures > 3
    assert states(site) == ["delivered", "dead", "pending"]
    assert delivery(site).lease_token is None
