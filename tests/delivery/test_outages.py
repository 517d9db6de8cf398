"""While Supabase is away it is called less and less often, whatever is to be sent."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from spool_live import keys
from spool_live.backoff import OUTAGE_MAX
from spool_live.broadcasters.memory import MemoryBroadcaster
from spool_live.delivery import mirror
from spool_live.exceptions import BroadcastUnavailable
from spool_live.models import DeliveryCircuit, Site
from tests.delivery.conftest import arrived, deliver
from tests.outbox.conftest import Clock, waiting

pytestmark = pytest.mark.django_db
FAILURES = 8


def send_update(site: Site) -> None:
    waiting(site)
    deliver(MemoryBroadcaster())


def mirror_site(site: Site) -> None:
    keys.create_key(site, name="front end")
    with pytest.raises(BroadcastUnavailable):
        mirror.mirror_pending("default", MemoryBroadcaster())


@pytest.mark.parametrize("attempt", [send_update, mirror_site])
def test_delay_grows_with_every_failure_up_to_half_a_minute(
    attempt: Callable[[Site], None], site: Site, clock: Clock, live: Callable[..., None]
) -> None:
    live(RETRY_BASE=1)
    for n in range(FAILURES):
        MemoryBroadcaster.failures.append(BroadcastUnavailable("no route"))
        attempt(site)
        until = DeliveryCircuit.objects.get().open_until
        assert until is not None
        delay = (until - clock.now).total_seconds()
        longest = min(2.0**n, OUTAGE_MAX.total_seconds())
        assert longest / 2 <= delay <= longest, f"after failure {n + 1}"
        clock.now = until
    assert MemoryBroadcaster.failures == [], "each was asked for"


def test_next_outage_begins_with_a_short_delay_again(
    site: Site, clock: Clock, live: Callable[..., None]
) -> None:
    live(RETRY_BASE=1)
    for _ in range(3):
        MemoryBroadcaster.failures.append(BroadcastUnavailable("no route"))
        send_update(site)
        clock.advance(minutes=1)
    send_update(site)
    assert arrived(site) == [1, 2, 3, 4]
    MemoryBroadcaster.failures.append(BroadcastUnavailable("no route"))
    send_update(site)
    until = DeliveryCircuit.objects.get().open_until
    assert until is not None
    assert (until - clock.now).total_seconds() <= 1


def test_nobody_asks_before_the_delay_is_over(site: Site, clock: Clock) -> None:
    MemoryBroadcaster.failures.append(BroadcastUnavailable("no route"))
    send_update(site)
    until = DeliveryCircuit.objects.get().open_until
    assert until is not None
    clock.now = until - (until - clock.now) / 10
    assert deliver(MemoryBroadcaster()).delivered == 0
    clock.now = until
    assert deliver(MemoryBroadcaster()).delivered == 1
