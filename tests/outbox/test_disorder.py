"""Every query that needs an order asks for it: here the database returns rows in another order
wherever the query has no ``ORDER BY``."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from django.db import connection

from spool_live import outbox
from spool_live.broadcasters.memory import MemoryBroadcaster
from spool_live.delivery import deliver_pending
from spool_live.models import OutboxEntry, Site, SiteDelivery
from tests.outbox.conftest import MakeSite, claimed, delivered, seqs, update, waiting

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(
        connection.vendor not in {"postgresql", "sqlite"}, reason="cannot be asked for disorder"
    ),
]
_FAVOURS = ("indexscan", "indexonlyscan", "bitmapscan", "incremental_sort")


def shuffle(pks: list[int]) -> None:
    """Moves the first entries to the end of the table."""
    for pk in pks[: len(pks) // 2]:
        OutboxEntry.objects.filter(pk=pk).update(last_error="")


@pytest.fixture
def disorder(db: None) -> Iterator[None]:
    """Prevents plans that return rows in the order of an index by chance."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA reverse_unordered_selects = ON")
        else:
            for favour in _FAVOURS:
                cursor.execute(f"SET LOCAL enable_{favour} = off")
    yield
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA reverse_unordered_selects = OFF")


@pytest.mark.usefixtures("disorder")
class TestClaim:
    def test_takes_and_numbers_the_oldest_first(
        self, site: Site, live: Callable[..., None]
    ) -> None:
        live(DELIVERY_BATCH_SIZE=3)
        pks = waiting(site, 7)
        shuffle(pks)
        claims = []
        while (claim := outbox.claim_batch("default")) is not None:
            outbox.settle(claim, delivered(claim))
            claims.append([entry.pk for entry in claim.entries])
        assert claims == [pks[:3], pks[3:6], pks[6:]]
        assert seqs(site) == [1, 2, 3, 4, 5, 6, 7]

    def test_takes_the_oldest_that_fit(self, site: Site, live: Callable[..., None]) -> None:
        live(DELIVERY_BATCH_BYTES=4_000)
        pks = waiting(site, 8, metadata={"text": "x" * 1_000})
        shuffle(pks)
        first = claimed()
        taken = [entry.pk for entry in first.entries]
        assert 1 < len(taken) < 8
        assert taken == pks[: len(taken)]

    def test_takes_what_has_a_number_before_what_has_none(
        self, site: Site, live: Callable[..., None]
    ) -> None:
        late, *early = waiting(site, 5)
        for seq, pk in enumerate(early, start=1):
            OutboxEntry.objects.filter(pk=pk).update(seq=seq)
        SiteDelivery.objects.filter(pk=site.pk).update(last_seq=4)
        live(DELIVERY_BATCH_SIZE=3)
        first = claimed()
        assert [entry.seq for entry in first.entries] == [1, 2, 3]
        outbox.settle(first, delivered(first))
        last = claimed()
        assert [(entry.pk, entry.seq) for entry in last.entries] == [(early[3], 4), (late, 5)]

    def test_hands_the_entries_of_several_sites_over_in_their_order(
        self, make_site: MakeSite
    ) -> None:
        sites = [make_site() for _ in range(3)]
        pks = [pk for _ in range(4) for site in sites for pk in waiting(site)]
        shuffle(pks)
        entries = claimed().entries
        by_site = [(site_id, seq) for site_id in sorted(s.pk for s in sites) for seq in range(1, 5)]
        assert [(entry.site_id, entry.seq) for entry in entries] == by_site
        for site in sites:
            mine = [entry.pk for entry in entries if entry.site_id == site.pk]
            assert mine == sorted(mine)


@pytest.mark.usefixtures("disorder")
def test_batch_writes_its_rows_in_the_order_of_the_edits(site: Site) -> None:
    with outbox.batch():
        for number in range(50):
            outbox.record([(site.pk, update(slug=f"{number}"))], using="default")
    deliver_pending("default", broadcaster=MemoryBroadcaster(), pause=lambda seconds: None)
    assert [u.slug for u in MemoryBroadcaster.updates] == [str(number) for number in range(50)]


@pytest.mark.usefixtures("disorder")
def test_catch_up_is_in_the_order_of_the_numbers(site: Site) -> None:
    shuffle(waiting(site, 6))
    claim = claimed()
    outbox.settle(claim, delivered(claim))
    page = outbox.catch_up("default", site.pk, after=0, limit=4)
    assert [u.seq for u in page.results] == [1, 2, 3, 4]
