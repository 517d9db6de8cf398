"""Which updates are delivered in which batch, and what happens while Supabase is away."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from spool_live.broadcasters.memory import MemoryBroadcaster
from spool_live.delivery import DeliveryReport, deliver_pending
from spool_live.exceptions import (
    BroadcastUnavailable,
)
from spool_live.models import OutboxEntry, Site
from spool_live.signals import update_died, updates_delivered
from spool_live.updates import Update
from tests.delivery.conftest import Heard, Live, MakeSite, Recording, arrived, deliver
from tests.outbox.conftest import Clock, delivery, states, waiting

pytestmark = pytest.mark.django_db


class TestSuccess:
    def test_everything_that_waits_goes_in_one_request(self, make_site: MakeSite) -> None:
        one, two, broadcaster = make_site(), make_site(), Recording()
        waiting(one, 3)
        waiting(two, 2)
        report = deliver(broadcaster)
        assert report == DeliveryReport(delivered=5)
        assert broadcaster.names == ["broadcast"]
        assert (arrived(one), arrived(two)) == ([1, 2, 3], [1, 2])
        assert states(one) + states(two) == ["delivered"] * 5

    def test_nothing_waits(self, site: Site) -> None:
        broadcaster = Recording()
        assert deliver(broadcaster) == DeliveryReport()
        assert broadcaster.calls == []

    def test_batch_after_batch_until_nothing_waits(self, site: Site, live: Live) -> None:
        live(DELIVERY_BATCH_SIZE=2)
        waiting(site, 5)
        broadcaster = Recording()
        assert deliver(broadcaster).delivered == 5
        assert broadcaster.calls == [
            ("broadcast", [1, 2]),
            ("broadcast", [3, 4]),
            ("broadcast", [5]),
        ]

    def test_what_is_recorded_meanwhile_goes_too(self, site: Site) -> None:
        class Busy(Recording):
            def broadcast(self, updates: Sequence[Update]) -> None:
                super().broadcast(updates)
                if len(self.calls) < 3:
                    waiting(site)

        waiting(site)
        assert deliver(Busy()).delivered == 3
        assert arrived(site) == [1, 2, 3]

    def test_of_the_configured_broadcaster(self, site: Site) -> None:
        waiting(site)
        deliver_pending("default")
        assert arrived(site) == [1]

    @pytest.mark.django_db(databases=["default", "other"])
    def test_of_another_alias(self) -> None:
        there = Site.objects.using("other").create(name="Elsewhere")
        waiting(there, using="other")
        assert deliver_pending("other").delivered == 1
        assert arrived(there) == [1]

    def test_tells_how_many(self, site: Site, heard: Heard) -> None:
        waiting(site, 2)
        deliver()
        assert heard.delivered == [2]
        assert heard.died == []


class TestUnavailable:
    """Nothing is wrong with the updates: all of them wait, under their numbers."""

    def test_whole_batch_waits(
        self, make_site: MakeSite, clock: Clock, caplog: pytest.LogCaptureFixture, heard: Heard
    ) -> None:
        one, two = make_site(), make_site()
        waiting(one, 2)
        waiting(two)
        MemoryBroadcaster.failures.append(BroadcastUnavailable("no route"))
        report = deliver()
        assert report == DeliveryReport(postponed=3, reasons={"no route"})
        assert MemoryBroadcaster.updates == []
        assert states(one) + states(two) == ["pending"] * 3
        assert delivery(one).last_error == "no route"
        assert "no route" in caplog.text
        assert (heard.delivered, heard.died) == ([], [])

    def test_goes_later_in_order_with_what_came_meanwhile(self, site: Site, clock: Clock) -> None:
        waiting(site, 2)
        MemoryBroadcaster.failures.append(BroadcastUnavailable("no route"))
        deliver()
        waiting(site)
        assert deliver() == DeliveryReport()
        clock.advance(hours=1)
        assert deliver() == DeliveryReport(delivered=3)
        assert arrived(site) == [1, 2, 3]
        assert delivery(site).last_error == ""

    def test_receiver_decides_how_long(self, site: Site, clock: Clock) -> None:
        waiting(site)
        MemoryBroadcaster.failures.append(BroadcastUnavailable("busy", retry_after=600))
        deliver()
        clock.advance(seconds=599)
        assert deliver() == DeliveryReport()
        clock.advance(seconds=1)
        assert deliver().delivered == 1


def test_signal_receiver_that_raises_breaks_nothing(
    make_site: MakeSite, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(**kwargs: Any) -> None:
        raise LookupError("no pager")

    site, broadcaster = make_site(), Recording()
    broadcaster.poison = {OutboxEntry.objects.get(pk=waiting(site, 2)[0]).update_id}
    for signal in (updates_delivered, update_died):
        signal.connect(fail)
    try:
        with caplog.at_level(logging.ERROR):
            report = deliver(broadcaster)
    finally:
        for signal in (updates_delivered, update_died):
            signal.disconnect(fail)
    assert (report.delivered, report.dead) == (1, 1)
    assert caplog.text.count("no pager") >= 2
    settled_at = OutboxEntry.objects.latest("settled_at").settled_at
    assert settled_at is not None
    assert timedelta(0) <= timezone.now() - settled_at
