from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from spool_live import outbox
from spool_live.models import OutboxEntry, OutboxEvent, Site
from spool_live.outbox import Settlement
from tests.outbox.conftest import MakeSite, claimed, delivered, seqs, states, waiting

pytestmark = pytest.mark.django_db


@pytest.fixture
def dead(site: Site) -> list[int]:
    """Two dead entries and a delivered one, in this order."""
    pks = waiting(site, 3)
    settlement = Settlement(delivered=pks[2:], dead=dict.fromkeys(pks[:2], "refused"))
    outbox.settle(claimed(), settlement)
    return pks


def test_all_dead_ones_wait_again_under_their_numbers(site: Site, dead: list[int]) -> None:
    assert outbox.requeue_dead("default") == 2
    assert states(site) == ["pending", "pending", "delivered"]
    assert seqs(site) == [1, 2, 3]
    entry = OutboxEntry.objects.get(pk=dead[0])
    assert (entry.attempts, entry.settled_at) == (0, None)
    claim = claimed()
    assert [(e.pk, e.seq) for e in claim.entries] == [(dead[0], 1), (dead[1], 2)]
    outbox.settle(claim, delivered(claim))
    assert states(site) == ["delivered"] * 3


def test_chosen_ones_only(site: Site, dead: list[int]) -> None:
    assert outbox.requeue_dead("default", Q(pk=dead[1])) == 1
    assert states(site) == ["dead", "pending", "delivered"]


def test_nothing_but_dead_ones(site: Site, dead: list[int]) -> None:
    assert outbox.requeue_dead("default", Q(pk=dead[2])) == 0
    assert states(site) == ["dead", "dead", "delivered"]


def test_go_before_what_has_no_number_yet(site: Site, dead: list[int]) -> None:
    waiting(site)
    outbox.requeue_dead("default")
    assert [entry.seq for entry in claimed().entries] == [1, 2, 4]


@pytest.mark.django_db(transaction=True)
class TestAnnouncement:
    def test_comes_after_the_commit(self, dead: list[int], notified_aliases: list[str]) -> None:
        notified_aliases.clear()
        with transaction.atomic():
            outbox.requeue_dead("default")
            assert notified_aliases == []
        assert notified_aliases == ["default"]

    def test_does_not_come_for_nothing(self, site: Site, notified_aliases: list[str]) -> None:
        notified_aliases.clear()
        outbox.requeue_dead("default")
        assert notified_aliases == []


class TestDiscard:
    def test_given_up_and_out_of_the_status(self, site: Site, dead: list[int]) -> None:
        assert outbox.discard_dead("default", Q(pk=dead[0])) == 1
        assert states(site) == ["discarded", "dead", "delivered"]
        assert outbox.claim_batch("default") is None
        assert outbox.requeue_dead("default", Q(pk=dead[0])) == 0  # a discarded entry stays so

    def test_nothing_but_dead_ones(self, site: Site, dead: list[int]) -> None:
        waiting(site)
        assert outbox.discard_dead("default") == 2
        assert states(site) == ["discarded", "discarded", "delivered", "pending"]

    def test_catch_up_has_it_until_it_leaves_the_history(self, site: Site, dead: list[int]) -> None:
        outbox.discard_dead("default")
        page = outbox.catch_up("default", site.pk, after=0, limit=10)
        assert [update.seq for update in page.results] == [1, 2, 3]
        later = timezone.now() + timedelta(seconds=1)
        assert outbox.purge_settled("default", before=later, limit=10) == 3
        assert outbox.catch_up("default", site.pk, after=0, limit=10).status == "reset"

    def test_trail_says_who_did_what_and_why(self, site: Site, dead: list[int]) -> None:
        ids = set(OutboxEntry.objects.filter(pk__in=dead[:2]).values_list("update_id", flat=True))
        outbox.discard_dead("default", reason="imported twice")
        [line] = OutboxEvent.objects.all()
        assert (line.action, line.entries, line.site_id) == ("discarded", 2, site.pk)
        assert (line.origin, line.reason) == ("code", "imported twice")
        assert {uuid.UUID(one) for one in line.detail["update_ids"]} == ids
        assert line.detail["errors"] == ["refused"]

    def test_requeueing_leaves_its_line_too(self, site: Site, dead: list[int]) -> None:
        outbox.requeue_dead("default")
        assert OutboxEvent.objects.get().action == "requeued"

    def test_nothing_done_is_no_line(self, site: Site) -> None:
        assert outbox.discard_dead("default") == 0
        assert not OutboxEvent.objects.exists()

    def test_each_site_has_a_line(self, make_site: MakeSite) -> None:
        sites = [make_site(), make_site()]
        for one in sites:
            waiting(one)
        claim = claimed()
        outbox.settle(claim, Settlement(dead={entry.pk: "bad" for entry in claim.entries}))
        assert outbox.discard_dead("default") == 2
        lines = OutboxEvent.objects.values_list("site_id", "entries")
        assert set(lines) == {(one.pk, 1) for one in sites}
