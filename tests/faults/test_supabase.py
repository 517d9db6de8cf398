"""Supabase answers in every wrong way; afterwards nothing is lost, doubled or reordered."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from email.utils import format_datetime

import pytest

from spool_live import keys, tasks
from spool_live.delivery import DeliveryReport, deliver_pending
from spool_live.models import DeliveryCircuit, OutboxEntry, Site, SiteDelivery
from spool_live.outbox import circuit
from tests.faults.conftest import Clock, record
from tests.faults.receiver import Fault, FaultyReceiver

pytestmark = pytest.mark.django_db


def deliver() -> DeliveryReport:
    return deliver_pending("default", pause=lambda seconds: None)


def until_nothing_waits(clock: Clock, tries: int = 12) -> None:
    for _ in range(tries):
        deliver()
        if not OutboxEntry.objects.filter(state="pending").exists():
            return
        clock.advance(seconds=31)
    pytest.fail("something still waits")


AWAY = {
    "500": Fault(500),
    "502 of a proxy": Fault(502, b"<html>Bad gateway</html>", {"Content-Type": "text/html"}),
    "503 without a body": Fault(503, b""),
    "401": Fault(401, b'{"message": "Invalid API key"}'),
    "403 as PostgREST says it": Fault(
        403, b'{"code": "42501", "message": "denied", "details": null, "hint": null}'
    ),
    "429": Fault(429, b"", {"Retry-After": "5"}),
    "404 of a project without our tables": Fault(
        404, b'{"code": "PGRST205", "message": "no table", "details": null, "hint": null}'
    ),
    "truncated body": Fault(truncated=True),
    "truncated body after a success": Fault(201, b"{}", truncated=True, stored=True),
    "closed without an answer": Fault(silent=True),
    "accepted without an answer": Fault(silent=True, stored=True),
    "accepted and never answered": Fault(hangs=True, stored=True),
    "500 although it was stored": Fault(500, stored=True),
    "never answered": Fault(hangs=True),
    "answer that drips": Fault(201, drips=True),
    "stored, with an answer that drips": Fault(201, drips=True, stored=True),
    "200 of somebody else": Fault(200, b"[]"),
    "204 of somebody else": Fault(204, b""),
    "207 of somebody else": Fault(207, b"{}"),
    "200 with a page": Fault(200, b"<html>Log in</html>", {"Content-Type": "text/html"}),
    "201 with a body": Fault(201, b'{"created": true}'),
    "column unknown to a stale schema cache": Fault(
        400, b'{"code": "PGRST204", "message": "no column", "details": null, "hint": null}'
    ),
    "role that does not exist": Fault(
        401, b'{"code": "22023", "message": "role x", "details": null, "hint": null}'
    ),
    "killed database": Fault(400, b'{"code": "", "message": "", "details": null, "hint": null}'),
    "full disk": Fault(
        503,
        b'{"code": "53100", "message": "disk full", "details": null, "hint": null}',
        {"Retry-After": "0"},
    ),
    "paused": Fault(540, b"paused"),
    "not paid": Fault(402, b"quota"),
    "page of a firewall": Fault(403, b"<html>Blocked</html>", {"Content-Type": "text/html"}),
    "raised by a trigger": Fault(
        400, b'{"code": "P0001", "message": "no", "details": null, "hint": null}'
    ),
}


@pytest.mark.parametrize("fault", AWAY.values(), ids=AWAY)
def test_nothing_is_lost_doubled_or_reordered(
    fault: Fault, receiver: FaultyReceiver, site: Site, clock: Clock, live: Callable[..., None]
) -> None:
    if fault.hangs or fault.drips:
        live(REQUEST_TIMEOUT=0.5)
    record(site, 3)
    receiver.faults = [fault, fault]
    report = deliver()
    assert (report.delivered, report.dead, report.postponed) == (0, 0, 3)
    record(site, 2)
    until_nothing_waits(clock)
    assert receiver.seqs(site.pk) == [1, 2, 3, 4, 5]
    assert [row["metadata"]["n"] for row in receiver.rows.values()] == [0, 1, 2, 0, 1]
    assert set(OutboxEntry.objects.values_list("state", flat=True)) == {"delivered"}
    assert SiteDelivery.objects.get(pk=site.pk).last_error == ""


def test_remedy_is_in_the_reason_for_a_wrong_key(receiver: FaultyReceiver, site: Site) -> None:
    record(site)
    receiver.faults = [AWAY["401"]]
    (reason,) = deliver().reasons
    assert "SUPABASE_SECRET_KEY" in reason


def test_batch_that_is_too_large_goes_in_halves(
    receiver: FaultyReceiver, site: Site, clock: Clock
) -> None:
    record(site, 9)
    receiver.largest = 1200
    until_nothing_waits(clock)
    assert receiver.seqs(site.pk) == list(range(1, 10))
    assert not OutboxEntry.objects.filter(state="dead").exists()


def test_single_update_that_is_too_large_dies_and_lets_the_others_go(
    receiver: FaultyReceiver, site: Site, clock: Clock
) -> None:
    record(site, 2)
    record(site, metadata={"text": "x" * 3000})
    record(site, 2)
    receiver.largest = 2000
    until_nothing_waits(clock)
    assert receiver.seqs(site.pk) == [1, 2, 4, 5]
    dead = OutboxEntry.objects.get(state="dead")
    assert (dead.seq, "413" in dead.last_error) == (3, True)


def test_unknown_site_is_mirrored_again(receiver: FaultyReceiver, site: Site, clock: Clock) -> None:
    record(site)
    until_nothing_waits(clock)
    receiver.sites = set()
    record(site)
    assert deliver().delivered == 1
    assert receiver.sites == {str(site.pk)}


def test_restored_backup_of_the_content_database_goes_on_above_the_table(
    receiver: FaultyReceiver, site: Site, clock: Clock
) -> None:
    record(site, 4)
    until_nothing_waits(clock)
    SiteDelivery.objects.update(last_seq=1)
    record(site, 3)
    until_nothing_waits(clock)
    assert receiver.seqs(site.pk) == [1, 2, 3, 4, 5, 6, 7]


class TestRetryAfter:
    @pytest.mark.parametrize("status", [429, 503])
    def test_nobody_asks_before(
        self, status: int, receiver: FaultyReceiver, site: Site, clock: Clock
    ) -> None:
        record(site)
        receiver.faults = [Fault(status, b"", {"Retry-After": "90"})]
        deliver()
        clock.advance(seconds=89)
        assert deliver().delivered == 0
        assert receiver.writes == 1
        clock.advance(seconds=2)
        assert deliver().delivered == 1

    def test_as_a_date(self, receiver: FaultyReceiver, site: Site, clock: Clock) -> None:
        record(site)
        when = format_datetime(clock.now + timedelta(seconds=60), usegmt=True)
        receiver.faults = [Fault(429, b"", {"Retry-After": when})]
        deliver()
        until = DeliveryCircuit.objects.get().open_until
        assert timedelta(seconds=58) < until - clock.now <= timedelta(seconds=60)


class TestOutage:
    def test_many_sites_cost_one_request_at_a_time(
        self, receiver: FaultyReceiver, site: Site, clock: Clock, live: object
    ) -> None:
        sites = [Site.objects.create(name=str(n)) for n in range(20)]
        receiver.always = Fault(503)
        for one in sites:
            record(one)
            deliver()
        assert receiver.writes == 1
        for _ in range(10):
            clock.advance(seconds=31)
            deliver()
            deliver()
        assert receiver.writes == 11

    def test_hour_without_supabase_is_made_up_for_in_order(
        self, receiver: FaultyReceiver, site: Site, clock: Clock
    ) -> None:
        receiver.always = Fault(503)
        for _ in range(60):
            record(site)
            clock.advance(minutes=1)
            deliver()
        assert circuit.outage("default") is not None
        receiver.always = None
        clock.advance(seconds=31)
        assert deliver().delivered == 60
        assert receiver.seqs(site.pk) == list(range(1, 61))
        assert circuit.outage("default") is None

    def test_beat_that_runs_twice_asks_once(
        self, receiver: FaultyReceiver, site: Site, clock: Clock
    ) -> None:
        record(site)
        receiver.always = Fault(503)
        deliver()
        clock.advance(seconds=31)
        assert circuit.enter("default", clock.now) == 1
        assert circuit.enter("default", clock.now) is None

    def test_worker_that_dies_in_its_trial_does_not_close_the_road(
        self, receiver: FaultyReceiver, site: Site, clock: Clock
    ) -> None:
        record(site)
        receiver.faults = [Fault(503)]
        deliver()
        clock.advance(seconds=31)
        assert circuit.enter("default", clock.now) == 1
        clock.advance(seconds=11)
        assert deliver().delivered == 1

    def test_nudges_in_an_outage_leave_the_log_alone(
        self,
        receiver: FaultyReceiver,
        site: Site,
        clock: Clock,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        record(site)
        receiver.always = Fault(503)
        tasks.deliver_updates("default")
        keys.create_key(site, name="front end")
        caplog.clear()
        for _ in range(10):
            tasks.deliver_updates("default")
        assert not [line for line in caplog.records if line.name.startswith("spool_live")]
        assert receiver.writes == 1
