"""Two deployments at once: a worker of the old one holds a batch while the new one delivers."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from spool_live import delivery, outbox
from spool_live.broadcasters import get_broadcaster
from spool_live.delivery.mirror_first import mirror_first
from spool_live.delivery.sending import send
from spool_live.models import OutboxEntry, Site
from spool_live.outbox import Claim, Settlement
from tests.faults.conftest import Clock, record
from tests.faults.receiver import FaultyReceiver

pytestmark = pytest.mark.django_db

Live = Callable[..., None]


def claimed_by_the_old_one(live: Live) -> Claim:
    """It makes smaller batches than the new one."""
    live(DELIVERY_BATCH_SIZE=2)
    claim = outbox.claim_batch("default")
    live(DELIVERY_BATCH_SIZE=500)
    assert claim is not None
    return claim


def finish(claim: Claim) -> Settlement:
    """What a worker does with what it has claimed."""
    settlement, broadcaster = Settlement(), get_broadcaster()
    ready = mirror_first(claim, settlement, broadcaster)
    send(ready, claim, settlement, broadcaster)
    return outbox.settle(claim, settlement)


def deliver_all() -> int:
    return delivery.deliver_pending("default", pause=lambda seconds: None).delivered


def states() -> list[str]:
    return list(OutboxEntry.objects.order_by("id").values_list("state", flat=True))


def test_new_one_waits_for_the_site_and_helps_with_the_others(
    receiver: FaultyReceiver, site: Site, clock: Clock, live: Live
) -> None:
    other = Site.objects.create(name="Herald")
    record(site, 5)
    claim = claimed_by_the_old_one(live)
    record(other, 2)
    assert deliver_all() == 2
    assert (receiver.seqs(site.pk), receiver.seqs(other.pk)) == ([], [1, 2])
    assert len(finish(claim).delivered) == 2
    assert deliver_all() == 3
    assert receiver.seqs(site.pk) == [1, 2, 3, 4, 5]


def test_old_one_that_is_late_changes_nothing(
    receiver: FaultyReceiver, site: Site, clock: Clock, live: Live
) -> None:
    record(site, 5)
    claim = claimed_by_the_old_one(live)
    clock.advance(minutes=2)
    assert deliver_all() == 5
    assert finish(claim).delivered == []
    assert receiver.seqs(site.pk) == [1, 2, 3, 4, 5]
    assert states() == ["delivered"] * 5


def test_request_of_the_old_one_that_arrives_last_is_nothing_new(
    receiver: FaultyReceiver, site: Site, clock: Clock, live: Live
) -> None:
    """Its lease ended while the request was on its way."""
    record(site, 5)
    claim = claimed_by_the_old_one(live)
    late = [entry.as_update() for entry in claim.entries]
    clock.advance(minutes=2)
    assert deliver_all() == 5
    get_broadcaster().broadcast(late)
    assert receiver.seqs(site.pk) == [1, 2, 3, 4, 5]
    assert outbox.settle(claim, Settlement(delivered=[e.pk for e in claim.entries])).delivered == []


def test_old_one_that_fails_late_does_not_postpone_the_site(
    receiver: FaultyReceiver, site: Site, clock: Clock, live: Live
) -> None:
    record(site, 3)
    claim = claimed_by_the_old_one(live)
    clock.advance(minutes=2)
    assert deliver_all() == 3
    record(site)
    retry = {site.pk: "too late"}
    outbox.settle(claim, Settlement(retry=retry, retry_at=clock.now.replace(year=2100)))
    assert deliver_all() == 1
    assert receiver.seqs(site.pk) == [1, 2, 3, 4]
