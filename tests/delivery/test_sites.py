"""Sites that are new, unknown, changed or deleted: the mirror goes first."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from spool_live import keys, outbox
from spool_live.broadcasters import MirrorAnswer
from spool_live.broadcasters.memory import MemoryBroadcaster
from spool_live.delivery import DeliveryReport
from spool_live.exceptions import (
    BroadcastRefused,
    BroadcastUnavailable,
    UnknownSite,
)
from spool_live.models import OutboxEntry, Site, SiteMirror
from tests.delivery.conftest import MakeSite, Recording, arrived, deliver
from tests.outbox.conftest import Clock, delivery, update, waiting

pytestmark = pytest.mark.django_db


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
        deleted, stays, broadcaster = make_site(), make_site(), Recording()
        waiting(deleted, 2)
        waiting(stays)
        pk = deleted.pk
        deleted.delete()
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
        """It may still become one: an import may create the content before the site."""
        site_id = uuid.uuid4()
        outbox.record([(site_id, update())], using="default")
        broadcaster = Recording()
        assert deliver(broadcaster).dead == 1
        assert broadcaster.calls == []
        entry = OutboxEntry.objects.get()
        assert (entry.state, f"there is no site {site_id}" in entry.last_error) == ("dead", True)
        assert "live_requeue --site" in entry.last_error
        site = Site.objects.create(id=site_id, name="Courier")
        outbox.requeue_dead("default")
        waiting(site)
        assert deliver() == DeliveryReport(delivered=2)


class TestMirrorFirst:
    """No update overtakes a change of its site or of the site's keys."""

    def test_new_site_is_told_before_its_first_update(self, db: None) -> None:
        site, broadcaster = Site.objects.create(name="Courier"), Recording()
        waiting(site)
        assert deliver(broadcaster).delivered == 1
        assert broadcaster.names == ["mirror", "broadcast"]
        assert delivery(site).acknowledged_version == SiteMirror.objects.get().version

    def test_revocation_is_told_before_later_updates(self, site: Site) -> None:
        key, _ = keys.create_key(site, name="x")
        deliver()
        keys.revoke_key(key)
        waiting(site)
        broadcaster = Recording()
        deliver(broadcaster)
        assert broadcaster.names == ["mirror", "broadcast"]
        assert MemoryBroadcaster.sites[str(site.pk)]["api_keys"] == []
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
