"""A ping goes the whole way, shows where it stops, and leaves nothing behind."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connection

from spool_live import delivery
from spool_live.api.in_process import RequestRefusedError, request_token, request_updates
from spool_live.isolation.live.ping import Ping, send_ping
from spool_live.models import ApiKeyEvent, Site
from tests.end_to_end.conftest import Road
from tests.end_to_end.test_verify_live import broken, left_behind

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")
HOPS = [
    "site and key made",
    "key known to Supabase",
    "token issued",
    "subscriber connected",
    "taken from the outbox",
    "stored at Supabase",
    "received over Realtime",
    "served by catch-up",
]
LONG, SHORT = 60.0, 3.0


@contextmanager
def worker() -> Iterator[None]:
    """Delivers on a thread, as a worker does elsewhere."""
    done = threading.Event()

    def work() -> None:
        try:
            while not done.wait(0.02):
                delivery.deliver_and_mirror("default")
        finally:
            connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def ping(timeout: float) -> Ping:
    return send_ping("default", request_token, request_updates, timeout=timeout)


@pytest.mark.parametrize("mode", ["broadcast", "postgres_changes"])
def test_every_hop_has_its_time_and_nothing_is_left(road: Road, live: object, mode: str) -> None:
    live(REALTIME_MODE=mode)  # type: ignore[operator]
    before = left_behind(road)
    with worker():
        found = ping(LONG)
    assert [hop.name for hop in found.hops] == HOPS, found
    assert found.arrived, found
    assert all(hop.milliseconds is not None and hop.milliseconds >= 0 for hop in found.hops)
    assert found.total
    assert found.total > 0
    assert "arrived" in found.summary
    assert left_behind(road) == before
    assert set(ApiKeyEvent.objects.values_list("origin", flat=True)) == {"probe"}


def test_without_a_worker_it_does_not_deliver_itself(road: Road) -> None:
    found = ping(SHORT)
    assert [hop.name for hop in found.hops] == HOPS[:2]
    assert not found.arrived
    assert found.hops[-1].milliseconds is None
    assert "Is a Celery worker running" in found.hops[-1].remedy
    assert found.summary == "The test update did not get this far: key known to Supabase."
    assert not Site.objects.exists()


def test_refused_subscriber_is_the_hop_that_was_not_reached(road: Road) -> None:
    policy = "alter policy spool_live_join_own_site on realtime.messages using (false)"
    with broken(road, policy), worker():
        found = ping(LONG)
    assert [hop.name for hop in found.hops] == HOPS[:4]
    assert "refused" in found.hops[-1].trouble
    assert "live_setup" in found.hops[-1].remedy
    assert not Site.objects.exists()


def test_refused_token_is_said(road: Road) -> None:
    def refuse(plain: str) -> dict[str, object]:
        raise RequestRefusedError("POST token/ answers 503")

    with worker():
        found = send_ping("default", refuse, request_updates, timeout=LONG)
    assert found.hops[-1].trouble == "POST token/ answers 503"
    assert not found.arrived
    assert not Site.objects.exists()
