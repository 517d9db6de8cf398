from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest
from django.db import connections

from spool_live import outbox
from spool_live.models import OutboxEntry, Site
from spool_live.outbox import Settlement
from spool_live.updates import EventType
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

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(
        connections["default"].vendor != "postgresql", reason="a backlog goes in order there"
    ),
]
Live = Callable[..., None]
ONE, TWO = uuid.uuid4(), uuid.uuid4()


@pytest.fixture
def small_rate(live: Live) -> None:
    """The rate allows five updates within ``DELIVERY_BACKLOG``."""
    live(DELIVERY_RATE=5, DELIVERY_BACKLOG=1)


def claimed_seqs() -> list[int | None]:
    claim = claimed()
    outbox.settle(claim, delivered(claim))
    return [entry.seq for entry in claim.entries]


@pytest.mark.usefixtures("small_rate")
class TestBacklog:
    def test_that_the_rate_carries_goes_whole(self, site: Site) -> None:
        waiting(site, 5, item_id=ONE)
        assert claimed_seqs() == [1, 2, 3, 4, 5]

    def test_too_large_announces_the_newest_state_of_each_item(self, site: Site) -> None:
        for _ in range(3):
            waiting(site, item_id=ONE)
            waiting(site, item_id=TWO)
        assert claimed_seqs() == [5, 6]
        assert states(site) == ["left"] * 4 + ["delivered"] * 2
        assert seqs(site) == [1, 2, 3, 4, 5, 6]
        assert delivery(site).last_seq == 6

    def test_is_whole_in_catch_up(self, site: Site) -> None:
        waiting(site, 9, item_id=ONE)
        claimed_seqs()
        page = outbox.catch_up("default", site.pk, after=0, limit=100)
        assert [update.seq for update in page.results] == list(range(1, 10))

    def test_keeps_publications_and_deletions(self, site: Site) -> None:
        for event in (EventType.CREATED, EventType.PUBLISHED, EventType.UPDATED, EventType.DELETED):
            waiting(site, event_type=event, item_id=ONE)
        waiting(site, 4, item_id=TWO)
        assert claimed_seqs() == [2, 4, 8]

    def test_of_one_site_is_no_matter_of_another(self, make_site: MakeSite) -> None:
        one, two = make_site(), make_site()
        waiting(one, 3, item_id=ONE)
        waiting(two, 3, item_id=ONE)
        assert claimed_seqs() == [3, 3]

    def test_goes_on_after_what_had_its_number(self, site: Site) -> None:
        waiting(site, 2, item_id=ONE)
        outbox.settle(claimed(), Settlement())
        waiting(site, 6, item_id=ONE)
        assert claimed_seqs() == [8]
        assert seqs(site) == list(range(1, 9))

    def test_that_was_thinned_is_not_thinned_again(self, site: Site) -> None:
        for item in [uuid.uuid4() for _ in range(12)]:
            waiting(site, item_id=item)
        assert [claimed_seqs() for _ in range(3)] == [[1, 2, 3, 4, 5], [6, 7, 8, 9, 10], [11, 12]]

    def test_is_purged_in_its_time(self, site: Site, clock: Clock) -> None:
        waiting(site, 6, item_id=ONE)
        claimed_seqs()
        clock.advance(days=1)
        assert outbox.purge_settled("default", before=clock.now, limit=100) == 6
        assert delivery(site).history_floor == 6


def test_without_a_rate_goes_whole(site: Site, live: Live) -> None:
    live(DELIVERY_BACKLOG=0)
    waiting(site, 9, item_id=ONE)
    assert claimed_seqs() == list(range(1, 10))
    assert OutboxEntry.objects.filter(state="left").count() == 0
