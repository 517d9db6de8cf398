"""The mirror: whole sites with versions, whoever sends them and in whatever order."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from spool_live import keys, outbox
from spool_live.broadcasters import MirrorAnswer
from spool_live.broadcasters.memory import MemoryBroadcaster
from spool_live.delivery import mirror
from spool_live.delivery.mirrored_sites import read_sites
from spool_live.exceptions import BroadcastRefused, BroadcastUnavailable
from spool_live.models import Site, SiteDelivery, SiteMirror
from spool_live.supabase.databases import is_supabase_database
from tests.delivery.conftest import deliver
from tests.outbox.conftest import waiting

pytestmark = pytest.mark.django_db

Held = dict[str, Any]


def held(site: Site) -> Held:
    """What the Supabase database knows of a site."""
    return MemoryBroadcaster.sites[str(site.pk)]


def delivery(site: Site) -> SiteDelivery:
    return SiteDelivery.objects.get(pk=site.pk)


def changes(site: Site) -> SiteMirror:
    return SiteMirror.objects.get(pk=site.pk)


def is_behind(site: Site) -> bool:
    listed = outbox.behind("default").filter(pk=site.pk).exists()
    state = SiteDelivery.objects.filter(pk=site.pk).first()
    assert listed is outbox.is_behind(SiteMirror.objects.filter(pk=site.pk).first(), state)
    return listed


def send(site: Site) -> MirrorAnswer:
    return mirror.mirror_site("default", site.pk, MemoryBroadcaster())


@pytest.fixture
def site(db: None) -> Site:
    return Site.objects.create(name="Courier")


class TestSite:
    def test_is_sent_as_a_whole(self, site: Site) -> None:
        expires = datetime(2999, 1, 1, tzinfo=UTC)
        key, _ = keys.create_key(site, name="x", expires_at=expires)
        answer = send(site)
        state = delivery(site)
        assert held(site) == {
            "site_id": str(site.pk),
            "version": changes(site).version,
            "epoch": 1,
            "deleted": False,
            "name": None if is_supabase_database("default") else "Courier",
            "api_keys": [
                {"id": str(key.pk), "expires_at": expires.isoformat(), "revoked_at": None}
            ],
        }
        assert answer == MirrorAnswer(changes(site).version, 1, deleted=False, applied=True)
        assert (state.acknowledged_version, state.acknowledged_epoch) == (changes(site).version, 1)
        assert not is_behind(site)

    def test_never_holds_a_secret(self, site: Site) -> None:
        key, plain = keys.create_key(site, name="x")
        send(site)
        text = repr(held(site))
        assert plain not in text
        assert key.key_hash not in text
        assert key.prefix not in text

    def test_revocation_moves_the_epoch(self, site: Site) -> None:
        key, _ = keys.create_key(site, name="x")
        send(site)
        keys.revoke_key(key)
        assert is_behind(site)
        send(site)
        assert held(site)["api_keys"] == []
        assert held(site)["epoch"] == delivery(site).acknowledged_epoch == 2

    def test_deleted_one_leaves_a_tombstone(self, site: Site) -> None:
        keys.create_key(site, name="x")
        send(site)
        deleted = Site(pk=site.pk)
        site.delete()
        assert send(deleted).deleted is True
        assert (held(deleted)["deleted"], held(deleted)["api_keys"]) == (True, [])
        assert not is_behind(deleted)

    @pytest.mark.django_db(databases=["default", "other"])
    def test_name_that_postgresql_cannot_hold(self) -> None:
        """SQLite can store a NUL."""
        there = Site.objects.using("other").create(name="a\x00b")
        mirror.mirror_pending("other", MemoryBroadcaster())
        assert held(there)["name"] == "ab"


class TestVersions:
    def test_supabase_ahead_of_us_is_overtaken(
        self, site: Site, caplog: pytest.LogCaptureFixture
    ) -> None:
        """The content database was restored from a backup."""
        keys.create_key(site, name="x")
        send(site)
        held(site).update(version=70, epoch=9)
        site.name = "Herald"
        site.save()
        answer = send(site)
        assert answer == MirrorAnswer(71, 10, deleted=False, applied=True)
        state = delivery(site)
        assert (changes(site).version, changes(site).epoch) == (71, 10)
        assert (state.acknowledged_version, state.acknowledged_epoch) == (71, 10)
        assert "newer mirror" in caplog.text

    def test_tombstone_over_there_is_final(self, site: Site) -> None:
        send(site)
        held(site).update(version=70, deleted=True)
        site.name = "Herald"
        site.save()
        assert send(site) == MirrorAnswer(70, 1, deleted=True, applied=False)
        state = delivery(site)
        assert state.deleted_at is not None
        assert not is_behind(site)

    def test_change_while_it_is_sent_stays_pending(self, site: Site) -> None:
        class Interrupted(MemoryBroadcaster):
            def mirror(self, payload: Mapping[str, Any]) -> MirrorAnswer:
                keys.create_key(site, name="x")
                return super().mirror(payload)

        mirror.mirror_site("default", site.pk, Interrupted())
        assert held(site)["api_keys"] == []
        assert is_behind(site)
        send(site)
        assert len(held(site)["api_keys"]) == 1
        assert not is_behind(site)

    def test_answer_that_comes_late_takes_nothing_back(self, site: Site) -> None:
        class Overtaken(MemoryBroadcaster):
            """While it waits for the answer, another worker sends the next version."""

            def mirror(self, payload: Mapping[str, Any]) -> MirrorAnswer:
                answer = super().mirror(payload)
                key, _ = keys.create_key(site, name="x")
                keys.revoke_key(key)
                send(site)
                return answer

        mirror.mirror_site("default", site.pk, Overtaken())
        state = delivery(site)
        assert state.acknowledged_version == changes(site).version == held(site)["version"]
        assert state.acknowledged_epoch == changes(site).epoch == 2

    def test_two_workers_that_cross_leave_the_newest(self, site: Site) -> None:
        """The older request arrives last, and Supabase ignores it."""
        [older] = [dict(read.payload) for read in read_sites("default", [site.pk])]
        keys.create_key(site, name="x")
        send(site)
        assert MemoryBroadcaster().mirror(older).applied is False
        assert len(held(site)["api_keys"]) == 1


class TestPending:
    def test_sends_what_is_not_acknowledged(self) -> None:
        sites = [Site.objects.create(name="x") for _ in range(3)]
        assert mirror.mirror_pending("default", MemoryBroadcaster()) == 3
        assert mirror.mirror_pending("default", MemoryBroadcaster()) == 0
        sites[1].save()
        assert mirror.mirror_pending("default") == 1

    def test_refusal_of_one_holds_up_no_other(self, caplog: pytest.LogCaptureFixture) -> None:
        sites = [Site.objects.create(name="x") for _ in range(3)]
        MemoryBroadcaster.failures.append(BroadcastRefused("22P02: no UUID"))
        assert mirror.mirror_pending("default") == 2
        assert sum(is_behind(site) for site in sites) == 1
        assert "cannot be mirrored: 22P02" in caplog.text

    def test_updates_that_waited_for_a_refused_site_go_once_it_is_taken(self, site: Site) -> None:
        waiting(site)
        MemoryBroadcaster.failures.append(BroadcastRefused("23514: broken"))
        assert deliver().postponed == 1
        assert delivery(site).retry_at is not None
        assert mirror.mirror_site("default", site.pk, MemoryBroadcaster()).applied
        assert (delivery(site).retry_at, delivery(site).last_error) == (None, "")
        assert deliver().delivered == 1

    def test_updates_that_wait_for_another_reason_go_on_waiting(self, site: Site) -> None:
        send(site)
        soon = timezone.now() + timedelta(minutes=1)
        waits = SiteDelivery.objects.filter(pk=site.pk)
        waits.update(retry_at=soon, last_error="a page of a firewall", mirror_error="23514: broken")
        send(site)
        assert (delivery(site).retry_at, delivery(site).mirror_error) == (soon, "")

    def test_outage_is_met_once(self) -> None:
        for _ in range(3):
            Site.objects.create(name="x")
        MemoryBroadcaster.failures.append(BroadcastUnavailable("no route"))
        with pytest.raises(BroadcastUnavailable):
            mirror.mirror_pending("default")
        assert MemoryBroadcaster.sites == {}
        assert MemoryBroadcaster.failures == []

    def test_nobody_asks_until_the_outage_may_be_over(
        self, site: Site, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        MemoryBroadcaster.failures.append(BroadcastUnavailable("no route", retry_after=60))
        for _ in range(2):
            with pytest.raises(BroadcastUnavailable):
                mirror.mirror_pending("default")
            assert MemoryBroadcaster.sites == {}
        later = timezone.now() + timedelta(seconds=61)
        monkeypatch.setattr(timezone, "now", lambda: later)
        assert mirror.mirror_pending("default") == 1
        site.save()
        assert mirror.mirror_pending("default") == 1

    def test_id_that_never_was_a_site_is_nobodys_business(self, db: None) -> None:
        stranger = SiteDelivery.objects.create(site_id=uuid.uuid4())
        mirror.mirror_pending("default")
        assert MemoryBroadcaster.sites == {}
        assert mirror.mirror_site("default", stranger.pk, MemoryBroadcaster()).deleted
        assert MemoryBroadcaster.sites == {}
        stranger.refresh_from_db()
        assert not outbox.is_behind(None, stranger)

    def test_deleted_site_that_was_never_told_leaves_a_tombstone(self, site: Site) -> None:
        deleted = Site(pk=site.pk)
        site.delete()
        mirror.mirror_pending("default")
        assert held(deleted)["deleted"] is True


class TestAll:
    def test_sends_every_site_again(self, make_key: Callable[..., Any]) -> None:
        """The Supabase database was reset or replaced."""
        make_key()
        make_key()
        bare = Site.objects.bulk_create([Site(name="made in bulk")])
        MemoryBroadcaster.reset()
        assert mirror.mirror_all("default") == 3
        assert MemoryBroadcaster.sites == {}
        assert mirror.mirror_pending("default") == 3
        assert mirror.mirror_pending("default") == 0
        assert len(MemoryBroadcaster.sites) == 3
        assert str(bare[0].pk) in MemoryBroadcaster.sites

    def test_of_no_sites(self, db: None) -> None:
        assert mirror.mirror_all("default") == 0


def test_times_are_read_as_they_were_written(site: Site) -> None:
    moment = timezone.now()
    keys.create_key(site, name="x", expires_at=moment)
    send(site)
    [mirrored] = held(site)["api_keys"]
    assert datetime.fromisoformat(mirrored["expires_at"]) == moment
