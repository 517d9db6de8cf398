"""Updates and numbers that Supabase refuses."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from spool_live import outbox
from spool_live.broadcasters.memory import MemoryBroadcaster
from spool_live.delivery import DeliveryReport
from spool_live.exceptions import (
    BroadcastError,
    BroadcastUnavailable,
    SequenceTaken,
)
from spool_live.models import OutboxEntry, Site, SiteDelivery
from spool_live.updates import Update
from tests.delivery.conftest import Heard, MakeSite, Recording, arrived, deliver
from tests.outbox.conftest import Clock, delivery, seqs, states, waiting

pytestmark = pytest.mark.django_db


class TestRefused:
    """Only an entry that is refused permanently dies; its batch and its site are delivered."""

    @pytest.mark.parametrize("place", [0, 3, 6])
    def test_poison_is_found_and_everything_else_arrives(
        self, place: int, site: Site, heard: Heard, caplog: pytest.LogCaptureFixture
    ) -> None:
        pks, broadcaster = waiting(site, 7), Recording()
        poison = OutboxEntry.objects.get(pk=pks[place]).update_id
        broadcaster.poison = {poison}
        report = deliver(broadcaster)
        assert report == DeliveryReport(delivered=6, dead=1, reasons={"22P05: poison"})
        assert arrived(site) == [seq for seq in range(1, 8) if seq != place + 1]
        assert states(site) == ["dead" if n == place else "delivered" for n in range(7)]
        assert heard.died == [(poison, "22P05: poison")]
        assert f"update {poison} is dead: 22P05: poison" in caplog.text
        assert len(broadcaster.calls) <= 7

    def test_all_of_a_batch(self, site: Site) -> None:
        waiting(site, 3)
        broadcaster = Recording()
        broadcaster.poison = set(OutboxEntry.objects.values_list("update_id", flat=True))
        assert deliver(broadcaster).dead == 3
        waiting(site)
        assert deliver().delivered == 1
        assert arrived(site) == [4]

    def test_two_in_batches_of_two_sites(self, make_site: MakeSite) -> None:
        one, two, broadcaster = make_site(), make_site(), Recording()
        pks = [waiting(one, 4)[1], waiting(two, 4)[2]]
        chosen = OutboxEntry.objects.filter(pk__in=pks)
        broadcaster.poison = set(chosen.values_list("update_id", flat=True))
        assert deliver(broadcaster).delivered == 6
        assert (arrived(one), arrived(two)) == ([1, 3, 4], [1, 2, 4])

    def test_outage_amid_the_search_postpones_the_rest(self, site: Site, clock: Clock) -> None:
        class Flaky(Recording):
            def broadcast(self, updates: Sequence[Update]) -> None:
                if len(self.calls) == 2:
                    self.calls.append(("outage", None))
                    raise BroadcastUnavailable("no route")
                super().broadcast(updates)

        pks, broadcaster = waiting(site, 4), Flaky()
        broadcaster.poison = {OutboxEntry.objects.get(pk=pks[3]).update_id}
        report = deliver(broadcaster)
        assert (report.delivered, report.dead, report.postponed) == (2, 0, 4)
        assert states(site) == ["delivered", "delivered", "pending", "pending"]
        clock.advance(hours=1)
        assert deliver(broadcaster).dead == 1
        assert arrived(site) == [1, 2, 3]

    def test_dead_one_goes_again_when_it_is_requeued(self, site: Site) -> None:
        waiting(site)
        broadcaster = Recording()
        broadcaster.poison = {OutboxEntry.objects.get().update_id}
        deliver(broadcaster)
        outbox.requeue_dead("default")
        assert deliver() == DeliveryReport(delivered=1)
        assert arrived(site) == [1]


class TestSequenceTaken:
    """The content database was restored from a backup: its counter is behind."""

    def test_goes_on_above_what_is_there(
        self, site: Site, caplog: pytest.LogCaptureFixture
    ) -> None:
        waiting(site, 3)
        deliver()
        OutboxEntry.objects.all().delete()
        SiteDelivery.objects.filter(pk=site.pk).update(last_seq=1)
        waiting(site, 2)
        assert deliver() == DeliveryReport(delivered=2)
        assert arrived(site) == [1, 2, 3, 4, 5]
        assert seqs(site) == [4, 5]
        assert "renumbering" in caplog.text

    def test_leaves_other_sites_of_the_batch_as_they_are(self, make_site: MakeSite) -> None:
        behind, well = make_site(), make_site()
        waiting(behind, 2)
        deliver()
        OutboxEntry.objects.all().delete()
        SiteDelivery.objects.filter(pk=behind.pk).update(last_seq=0)
        waiting(behind)
        waiting(well, 2)
        assert deliver().delivered == 3
        assert (seqs(behind), seqs(well)) == ([3], [1, 2])

    def test_where_the_counter_is_not_behind_it_waits(self, site: Site, clock: Clock) -> None:
        """Another constraint is violated: new numbers would be refused as well, for ever."""
        waiting(site)
        MemoryBroadcaster.failures.append(SequenceTaken("some other constraint"))
        report = deliver()
        assert report == DeliveryReport(postponed=1, reasons={"some other constraint"})
        assert seqs(site) == [1]
        assert delivery(site).retry_at is not None

    @pytest.mark.parametrize("error", [BroadcastUnavailable("no route"), BroadcastError("no")])
    def test_where_the_newest_numbers_cannot_be_read(
        self, error: BroadcastError, site: Site
    ) -> None:
        waiting(site)
        MemoryBroadcaster.failures += [SequenceTaken("taken"), error]
        report = deliver()
        assert report == DeliveryReport(postponed=1, reasons={str(error)})
