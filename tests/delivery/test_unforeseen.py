"""An unexpected error delays the site that causes it, and no other."""

from __future__ import annotations

import importlib
import io
import json
import uuid
from collections.abc import Sequence
from typing import Any

import pytest
from django.core.management import call_command
from django.db import OperationalError

from spool_live import counts, outbox
from spool_live.broadcasters import MirrorAnswer
from spool_live.broadcasters.memory import MemoryBroadcaster
from spool_live.delivery import deliver_and_mirror, mirror
from spool_live.models import OutboxEntry, Site, SiteDelivery
from spool_live.outbox import claim as claiming
from tests.delivery.conftest import MakeSite, arrived, deliver
from tests.outbox.conftest import Clock, delivery, states, waiting

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nothing_counted")]

REASON = "unexpected error (KeyError): its traceback is in the log"


@pytest.fixture
def sites(make_site: MakeSite) -> list[Site]:
    """The first site causes the error."""
    made = [make_site() for _ in range(4)]
    for site in made:
        waiting(site, 3)
    return made


def counted(step: str) -> int:
    """How many unexpected errors were counted in ``step``."""
    counts.write_now()
    return counts.unforeseen("default").get(step, 0)


def check_only_the_first_waits(sites: Sequence[Site]) -> None:
    guilty, *innocent = sites
    assert all(arrived(site) == [1, 2, 3] for site in innocent)
    assert all(states(site) == ["delivered"] * 3 for site in innocent)
    assert states(guilty) == ["pending"] * 3
    waits = delivery(guilty)
    assert (waits.last_error, waits.failures) == (REASON, 1)
    assert waits.retry_at is not None
    assert waits.lease_token is None
    assert not SiteDelivery.objects.exclude(pk=guilty.pk).exclude(last_error="").exists()


class TestClaim:
    @pytest.fixture
    def broken(self, sites: list[Site], monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
        """A claim that raises once it has entries of the first site."""
        guilty, real = sites[0].pk, claiming._claim

        def odd(lease: Any, taken: Any, outage: int = 0) -> Any:
            if any(entry.site_id == guilty for entry in taken[1]):
                raise KeyError(guilty)
            return real(lease, taken, outage)

        monkeypatch.setattr(claiming, "_claim", odd)
        return monkeypatch

    def test_is_made_for_each_site_alone(
        self, sites: list[Site], broken: pytest.MonkeyPatch, clock: Clock
    ) -> None:
        deliver()
        check_only_the_first_waits(sites)
        assert counted("claim") == 2, "the whole batch, and the one site"
        assert deliver().delivered == 0
        clock.advance(minutes=10)
        deliver()
        assert delivery(sites[0]).failures == 2
        broken.undo()
        broken.setattr("django.utils.timezone.now", clock)
        clock.advance(minutes=10)
        assert deliver().delivered == 3
        assert delivery(sites[0]).last_error == ""

    def test_that_fails_holds_no_lease(self, sites: list[Site], broken: pytest.MonkeyPatch) -> None:
        with pytest.raises(KeyError):
            outbox.claim_batch("default")
        assert not SiteDelivery.objects.exclude(lease_token=None).exists()

    def test_of_a_database_that_is_away_is_for_the_caller(
        self, sites: list[Site], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def away(*asked: Any, **more: Any) -> None:
            raise OperationalError("away")

        monkeypatch.setattr(claiming, "_claim", away)
        with pytest.raises(OperationalError):
            deliver()
        assert not SiteDelivery.objects.exclude(last_error="").exists()

    def test_of_one_site_takes_that_sites_entries_only(self, sites: list[Site]) -> None:
        claim = outbox.claim_batch("default", alone=sites[2].pk)
        assert claim is not None
        assert {entry.site_id for entry in claim.entries} == set(claim.sites) == {sites[2].pk}
        assert outbox.claim_batch("default", alone=sites[2].pk) is None


class Odd(MemoryBroadcaster):
    """Raises an unexpected error while it mirrors one site."""

    def __init__(self, guilty: uuid.UUID) -> None:
        self.guilty = str(guilty)

    def mirror(self, site: Any) -> MirrorAnswer:
        if site["site_id"] == self.guilty:
            raise KeyError("odd")
        return super().mirror(site)


class TestMirror:
    def test_of_one_site_lets_the_others_go(self, sites: list[Site]) -> None:
        for site in sites:
            outbox.site_changed(site.pk, using="default")
        deliver(Odd(sites[0].pk))
        check_only_the_first_waits(sites)
        assert counted("mirror") == 2, "all of them, and the one site"

    def test_of_many_sites_at_once(self, sites: list[Site]) -> None:
        for site in sites:
            outbox.site_changed(site.pk, using="default")
        assert mirror.mirror_pending("default", Odd(sites[0].pk)) == 3
        waits = SiteDelivery.objects.get(pk=sites[0].pk)
        assert waits.mirror_error == REASON
        assert waits.mirror_retry_at is not None

    def test_that_cannot_even_begin_lets_the_updates_go(
        self, sites: list[Site], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def odd(*asked: Any) -> None:
            raise KeyError("odd")

        monkeypatch.setattr(outbox, "next_to_mirror", odd)
        report = deliver_and_mirror("default", pause=lambda seconds: None)
        assert report.delivered == 12
        assert counted("mirror") == 1
        assert REASON in report.reasons


def test_settling_is_made_for_each_site_alone(
    sites: list[Site], monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    settling = importlib.import_module("spool_live.outbox.settle")
    guilty = sites[0].pk

    def odd(real: Any) -> Any:
        def settle(claim: Any, settlement: Any) -> Any:
            if guilty in claim.sites:
                raise KeyError("odd")
            return real(claim, settlement)

        return settle

    with monkeypatch.context() as patch:
        patch.setattr(settling, "_finish", odd(settling._finish))
        patch.setattr(settling, "_settle_delivered", odd(settling._settle_delivered))
        deliver()
    check_only_the_first_waits(sites)
    assert counted("settle") == 2, "the whole batch, and the one site"
    assert arrived(sites[0]) == [1, 2, 3]
    clock.advance(minutes=10)
    assert deliver().delivered == 3
    assert arrived(sites[0]) == [1, 2, 3]
    assert set(OutboxEntry.objects.values_list("state", flat=True)) == {"delivered"}


def test_sending_is_counted(sites: list[Site]) -> None:
    guilty = sites[0].pk

    class OddToSend(MemoryBroadcaster):
        def broadcast(self, updates: Any) -> None:
            if any(update.site_id == guilty for update in updates):
                raise KeyError("odd")
            super().broadcast(updates)

    deliver(OddToSend())
    check_only_the_first_waits(sites)
    assert counted("send") > 0


@pytest.mark.django_db(databases="__all__")
def test_status_shows_what_was_counted(sites: list[Site]) -> None:
    counts.count(counts.UNFORESEEN, step="settle")
    counts.count(counts.UNFORESEEN, 2, step="send")
    counts.write_now()
    with pytest.raises(SystemExit):
        call_command("live_status", stdout=(out := io.StringIO()))
    assert "Unexpected errors since counting began: send 2, settle 1;" in out.getvalue()
    with pytest.raises(SystemExit):
        call_command("live_status", "--format", "json", stdout=(out := io.StringIO()))
    assert json.loads(out.getvalue())["unforeseen_errors"] == {"send": 2, "settle": 1}
