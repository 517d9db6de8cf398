"""The failure policy of delivery, over the real outbox and the public fake."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from spool_live import keys, outbox
from spool_live.broadcasters import MirrorAnswer
from spool_live.broadcasters.memory import MemoryBroadcaster
from spool_live.delivery import DeliveryReport, deliver_pending
from spool_live.exceptions import (
    BroadcastError,
    BroadcastRefused,
    BroadcastUnavailable,
    SequenceTaken,
    UnknownSite,
)
from spool_live.models import OutboxEntry, Site, SiteDelivery
from spool_live.signals import update_died, updates_delivered
from spool_live.updates import Update
from tests.outbox.conftest import Clock, delivery, seqs, states, update, waiting

pytestmark = pytest.mark.django_db

Live = Callable[..., None]
MakeSite = Callable[..., Site]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Stops the clock."""
    clock = Clock()
    monkeypatch.setattr(timezone, "now", clock)
    return clock


@pytest.fixture
def make_site(db: None) -> MakeSite:
    """Makes a site that Supabase has acknowledged."""

    def make() -> Site:
        site = Site.objects.create(name="Courier")
        outbox_of = SiteDelivery.objects.filter(pk=site.pk)
        payload = {"site_id": str(site.pk), "version": 2, "epoch": 1, "deleted": False}
        MemoryBroadcaster().mirror(payload)
        outbox_of.update(version=2, acknowledged_version=2, acknowledged_epoch=1)
        return site

    return make


@pytest.fixture
def site(make_site: MakeSite) -> Site:
    return make_site()


class Recording(MemoryBroadcaster):
    """Notes the calls in their order; ``poison`` are update ids that are refused for good."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Any]] = []
        self.poison: set[uuid.UUID] = set()

    def broadcast(self, updates: Sequence[Update]) -> None:
        self.calls.append(("broadcast", [update.seq for update in updates]))
        if any(update.id in self.poison for update in updates):
            raise BroadcastRefused("22P05: poison")
        super().broadcast(updates)

    def mirror(self, site: Any) -> MirrorAnswer:
        self.calls.append(("mirror", uuid.UUID(site["site_id"])))
        return super().mirror(site)

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.calls]


def deliver(broadcaster: MemoryBroadcaster | None = None) -> DeliveryReport:
    return deliver_pending("default", broadcaster=broadcaster, pause=lambda seconds: None)


def arrived(site: Site) -> list[int]:
    """The numbers that arrived, in the order of arrival."""
    return [update.seq for update in MemoryBroadcaster.updates if update.site_id == site.pk]


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


class Heard:
    """The signals that were sent."""

    def __init__(self) -> None:
        self.delivered: list[int] = []
        self.died: list[tuple[uuid.UUID, str]] = []


@pytest.fixture
def heard() -> Iterator[Heard]:
    heard = Heard()

    def on_delivered(count: int, using: str, **kwargs: Any) -> None:
        assert using == "default"
        heard.delivered.append(count)

    def on_died(update_id: uuid.UUID, reason: str, using: str, **kwargs: Any) -> None:
        assert using == "default"
        heard.died.append((update_id, reason))

    updates_delivered.connect(on_delivered)
    update_died.connect(on_died)
    yield heard
    updates_delivered.disconnect(on_delivered)
    update_died.disconnect(on_died)


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


class TestRefused:
    """Only what is refused for good dies; its batch and its site go on."""

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


class TestUnknownSite:
    def test_heals_by_telling_the_site_again(
        self, make_site: MakeSite, caplog: pytest.LogCaptureFixture
    ) -> None:
        known, lost, broadcaster = make_site(), make_site(), Recording()
        waiting(known)
        waiting(lost)
        del MemoryBroadcaster.sites[str(lost.pk)]
        assert deliver(broadcaster) == DeliveryReport(delivered=2)
        assert broadcaster.names == ["broadcast", "mirror", "mirror", "broadcast"]
        assert "does not know a site" in caplog.text

    def test_that_does_not_heal_waits(self, site: Site, clock: Clock) -> None:
        waiting(site)
        MemoryBroadcaster.failures += [UnknownSite("who?")]

        class Forgetful(Recording):
            def mirror(self, site: Any) -> MirrorAnswer:
                MemoryBroadcaster.failures.append(UnknownSite("who?"))
                return MirrorAnswer(9, 1, deleted=False, applied=True)

        report = deliver(Forgetful())
        assert report == DeliveryReport(postponed=1, reasons={"who?"})
        assert delivery(site).retry_at is not None

    def test_outage_while_healing(self, make_site: MakeSite) -> None:
        sites, broadcaster = [make_site() for _ in range(3)], Recording()
        for site in sites:
            waiting(site)
        MemoryBroadcaster.failures += [UnknownSite("who?"), BroadcastUnavailable("no route")]
        report = deliver(broadcaster)
        assert report == DeliveryReport(postponed=3, reasons={"no route"})
        assert broadcaster.names == ["broadcast", "mirror"], "a timeout is paid once"

    def test_site_that_is_dead_over_there_is_dropped(self, site: Site) -> None:
        waiting(site, 2)
        MemoryBroadcaster.sites[str(site.pk)]["deleted"] = True
        assert deliver() == DeliveryReport(dropped=2)
        assert delivery(site).deleted_at is not None
        waiting(site)
        assert deliver() == DeliveryReport(dropped=1)


class TestDeletedSite:
    def test_its_updates_are_dropped_and_its_tombstone_is_sent(self, make_site: MakeSite) -> None:
        gone, stays, broadcaster = make_site(), make_site(), Recording()
        waiting(gone, 2)
        waiting(stays)
        pk = gone.pk
        gone.delete()
        assert deliver(broadcaster) == DeliveryReport(delivered=1, dropped=2)
        assert MemoryBroadcaster.sites[str(pk)]["deleted"] is True
        assert ("mirror", pk) in broadcaster.calls
        assert deliver() == DeliveryReport()

    def test_drops_even_while_supabase_is_away(self, site: Site) -> None:
        waiting(site)
        site.delete()
        MemoryBroadcaster.failures.append(BroadcastUnavailable("no route"))
        report = deliver()
        assert (report.dropped, report.delivered) == (1, 0)
        assert set(OutboxEntry.objects.values_list("state", flat=True)) == {"dropped"}

    def test_id_that_never_was_a_site_leaves_no_tombstone(self, db: None) -> None:
        """It may yet become one: an import may bring the content before the site."""
        site_id = uuid.uuid4()
        outbox.record([(site_id, update())], using="default")
        broadcaster = Recording()
        assert deliver(broadcaster) == DeliveryReport(dropped=1)
        assert broadcaster.calls == []
        site = Site.objects.create(id=site_id, name="Courier")
        waiting(site)
        assert deliver() == DeliveryReport(delivered=1)


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
        """Some other constraint: other numbers would be refused as well, for ever."""
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


class TestMirrorFirst:
    """No update overtakes a change of its site or of the site's keys."""

    def test_new_site_is_told_before_its_first_update(self, db: None) -> None:
        site, broadcaster = Site.objects.create(name="Courier"), Recording()
        waiting(site)
        assert deliver(broadcaster).delivered == 1
        assert broadcaster.names == ["mirror", "broadcast"]
        assert delivery(site).acknowledged_version == delivery(site).version

    def test_revocation_is_told_before_later_updates(self, site: Site) -> None:
        key, _ = keys.create_key(site, name="x")
        deliver()
        keys.revoke_key(key)
        waiting(site)
        broadcaster = Recording()
        deliver(broadcaster)
        assert broadcaster.names == ["mirror", "broadcast"]
        [told] = MemoryBroadcaster.sites[str(site.pk)]["api_keys"]
        assert told["revoked_at"] is not None
        assert delivery(site).acknowledged_epoch == 2

    def test_site_that_cannot_be_told_waits_and_no_other(self, make_site: MakeSite) -> None:
        one, two = make_site(), make_site()
        keys.create_key(one, name="x")
        waiting(one)
        waiting(two)
        MemoryBroadcaster.failures.append(BroadcastRefused("22P02: no UUID"))
        report = deliver()
        assert report == DeliveryReport(delivered=1, postponed=1, reasons={"22P02: no UUID"})
        assert (arrived(one), arrived(two)) == ([], [1])

    def test_outage_is_met_once(self, make_site: MakeSite) -> None:
        sites, broadcaster = [make_site() for _ in range(3)], Recording()
        for site in sites:
            keys.create_key(site, name="x")
            waiting(site)
        MemoryBroadcaster.failures.append(BroadcastUnavailable("no route"))
        assert deliver(broadcaster).postponed == 3
        assert broadcaster.names == ["mirror"], "a timeout is paid once"

    def test_deleted_over_there(self, site: Site) -> None:
        keys.create_key(site, name="x")
        waiting(site)
        MemoryBroadcaster.sites[str(site.pk)]["deleted"] = True
        assert deliver() == DeliveryReport(dropped=1)


class TestLease:
    def test_worker_that_lost_its_lease_settles_nothing(
        self, site: Site, clock: Clock, heard: Heard, caplog: pytest.LogCaptureFixture
    ) -> None:
        class Slow(Recording):
            """While it writes its lease ends, and another worker delivers the same."""

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
    assert timedelta(0) <= timezone.now() - OutboxEntry.objects.latest("settled_at").settled_at
