"""The clock of the machine jumps: leases, waits and retention go by it, promises do not."""

from __future__ import annotations

from datetime import timedelta

import pytest

from spool_live import outbox
from spool_live.delivery import deliver_pending
from spool_live.delivery.cleanup import clean_up
from spool_live.models import OutboxEntry, Site, SiteDelivery
from tests.faults.conftest import Clock, record
from tests.faults.receiver import Fault, FaultyReceiver

pytestmark = pytest.mark.django_db

JUMPS = {
    "two days back": timedelta(days=-2),
    "an hour back": timedelta(hours=-1),
    "an hour forward": timedelta(hours=1),
    "two days forward": timedelta(days=2),
}
any_jump = pytest.mark.parametrize("jump", JUMPS.values(), ids=JUMPS)


def deliver() -> int:
    return deliver_pending("default", pause=lambda seconds: None).delivered


@any_jump
def test_nothing_is_lost_or_reordered(
    jump: timedelta, receiver: FaultyReceiver, site: Site, clock: Clock
) -> None:
    record(site, 2)
    deliver()
    clock.now += jump
    record(site, 2)
    deliver()
    assert receiver.seqs(site.pk) == [1, 2, 3, 4]


@any_jump
def test_lease_of_a_dead_worker_does_not_outlast_it(
    jump: timedelta, receiver: FaultyReceiver, site: Site, clock: Clock
) -> None:
    record(site, 2)
    assert outbox.claim_batch("default") is not None
    clock.now += jump
    assert deliver() == 2
    assert receiver.seqs(site.pk) == [1, 2]


@any_jump
@pytest.mark.parametrize(
    "fault",
    [Fault(503), Fault(429, b"", {"Retry-After": "7200"})],
    ids=["away", "asked to stay away"],
)
def test_outage_is_not_prolonged(
    fault: Fault, jump: timedelta, receiver: FaultyReceiver, site: Site, clock: Clock
) -> None:
    record(site)
    receiver.faults = [fault]
    assert deliver() == 0
    clock.now += jump
    assert deliver() == 1


@any_jump
def test_site_that_waits_for_its_retry_goes_on(
    jump: timedelta, receiver: FaultyReceiver, site: Site, clock: Clock
) -> None:
    record(site)
    claim = outbox.claim_batch("default")
    assert claim is not None
    refused = {site.pk: "refused"}
    later = clock.now + timedelta(minutes=5)
    outbox.settle(claim, outbox.Settlement(retry=refused, retry_at=later))
    assert deliver() == 0
    clock.now += jump
    assert deliver() == 1


@any_jump
def test_worker_whose_clock_jumps_in_its_claim_writes_nothing_twice(
    jump: timedelta, receiver: FaultyReceiver, site: Site, clock: Clock
) -> None:
    record(site, 3)
    claim = outbox.claim_batch("default")
    assert claim is not None
    clock.now += jump
    assert deliver() == 3
    late = outbox.settle(claim, outbox.Settlement(retry={site.pk: "late"}, retry_at=clock.now))
    assert late.retry == {}
    assert receiver.seqs(site.pk) == [1, 2, 3]
    assert set(OutboxEntry.objects.values_list("state", flat=True)) == {"delivered"}


@pytest.mark.django_db(databases="__all__")
def test_cleanup_of_an_hour_too_early_leaves_catch_up_whole(
    receiver: FaultyReceiver, site: Site, clock: Clock
) -> None:
    """The live table loses what is not expired yet; the history reaches back for days."""
    record(site, 3)
    deliver()
    clock.advance(hours=1, seconds=1)
    clean_up()
    assert receiver.rows == {}
    clock.advance(hours=-1, seconds=-1)
    page = outbox.catch_up("default", site.pk, after=0, limit=10)
    assert (page.status, [update.seq for update in page.results]) == ("recovered", [1, 2, 3])
    record(site)
    deliver()
    assert receiver.seqs(site.pk) == [4]
    assert SiteDelivery.objects.get(pk=site.pk).history_floor == 0
