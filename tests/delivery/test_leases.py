"""Workers that are slow, or die."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from spool_live import outbox
from spool_live.broadcasters.memory import MemoryBroadcaster
from spool_live.delivery import DeliveryReport
from spool_live.models import OutboxEntry, Site
from spool_live.updates import Update
from tests.delivery.conftest import Heard, Live, Recording, arrived, deliver
from tests.outbox.conftest import Clock, delivery, states, waiting

pytestmark = pytest.mark.django_db


class TestLease:
    def test_worker_that_lost_its_lease_settles_nothing(
        self, site: Site, clock: Clock, heard: Heard, caplog: pytest.LogCaptureFixture
    ) -> None:
        class Slow(Recording):
            """While it writes, its lease ends, and another worker delivers the same updates."""

            def broadcast(self, updates: Sequence[Update]) -> None:
                super().broadcast(updates)
                if len(self.calls) == 1:
                    clock.advance(hours=1)
                    assert deliver(self).delivered == 1

        waiting(site)
        report = deliver(Slow())
        assert report == DeliveryReport()
        assert arrived(site) == [1]
        assert states(site) == ["delivered"]
        assert heard.delivered == [1]
        assert "the lease was lost" in caplog.text

    def test_request_that_the_lease_would_not_outlive_is_not_made(
        self, site: Site, clock: Clock, live: Live
    ) -> None:
        class Slow(Recording):
            def broadcast(self, updates: Sequence[Update]) -> None:
                clock.advance(seconds=21)
                super().broadcast(updates)

        live(DELIVERY_LEASE=30, REQUEST_TIMEOUT=10)
        pks, broadcaster = waiting(site, 2), Slow()
        broadcaster.poison = {OutboxEntry.objects.get(pk=pks[0]).update_id}
        report = deliver(broadcaster)
        assert broadcaster.names == ["broadcast"]
        assert report == DeliveryReport(postponed=2, reasons={"the lease ran out"})
        assert states(site) == ["pending", "pending"]
        assert delivery(site).lease_token is None

    def test_worker_that_died_is_made_up_for_when_its_lease_ends(
        self, site: Site, clock: Clock
    ) -> None:
        waiting(site)
        assert outbox.claim_batch("default") is not None
        assert deliver() == DeliveryReport()
        clock.advance(seconds=60)
        assert deliver() == DeliveryReport(delivered=1)

    def test_worker_that_died_after_writing_wrote_once(self, site: Site, clock: Clock) -> None:
        waiting(site, 2)
        claim = outbox.claim_batch("default")
        assert claim is not None
        MemoryBroadcaster().broadcast([entry.as_update() for entry in claim.entries])
        clock.advance(minutes=5)
        waiting(site)
        assert deliver().delivered == 3
        assert arrived(site) == [1, 2, 3]
