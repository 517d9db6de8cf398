from __future__ import annotations

import pytest
from django.db import transaction
from django.db.models import Q

from spool_live import outbox
from spool_live.models import OutboxEntry, Site
from spool_live.outbox import Settlement
from tests.outbox.conftest import claimed, delivered, seqs, states, waiting

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
    def test_comes_after_the_commit(self, dead: list[int], announced_aliases: list[str]) -> None:
        announced_aliases.clear()
        with transaction.atomic():
            outbox.requeue_dead("default")
            assert announced_aliases == []
        assert announced_aliases == ["default"]

    def test_does_not_come_for_nothing(self, site: Site, announced_aliases: list[str]) -> None:
        announced_aliases.clear()
        outbox.requeue_dead("default")
        assert announced_aliases == []
