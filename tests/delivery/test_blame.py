"""Which of them causes a refusal: an entry, a site or the server. The others are delivered."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest

from spool_live.broadcasters.memory import MemoryBroadcaster
from spool_live.delivery import portions, sending
from spool_live.delivery.failures import TRIES
from spool_live.exceptions import (
    BatchTooSlow,
    BroadcastRefused,
    BroadcastUnavailable,
    SequenceTaken,
    UnclearRefusal,
    UnknownSite,
)
from spool_live.models import OutboxEntry, Site
from spool_live.outbox import circuit
from spool_live.updates import Update
from tests.delivery.conftest import Heard, Live, MakeSite, arrived, deliver
from tests.outbox.conftest import Clock, delivery, states, waiting

pytestmark = pytest.mark.django_db

Verdict = Callable[[Sequence[Update]], Exception | None]


@pytest.fixture(autouse=True)
def _no_limits() -> None:
    portions._limits.clear()


class Judge(MemoryBroadcaster):
    """Raises what ``verdict`` returns for a batch, and notes the sizes of all batches."""

    def __init__(self, verdict: Verdict) -> None:
        self.verdict: Verdict | None = verdict
        self.sizes: list[int] = []

    def broadcast(self, updates: Sequence[Update]) -> None:
        self.sizes.append(len(updates))
        if self.verdict and (error := self.verdict(updates)):
            raise error
        super().broadcast(updates)


def update_id(pk: int) -> uuid.UUID:
    return OutboxEntry.objects.get(pk=pk).update_id


def holding(pk: int, error: Callable[[], Exception]) -> Verdict:
    """Return a verdict that refuses every batch with the entry."""
    guilty = update_id(pk)
    return lambda updates: error() if any(u.id == guilty for u in updates) else None


def firewall() -> Exception:
    return UnclearRefusal("403: Forbidden")


def is_out() -> bool:
    return circuit.outage("default") is not None


class TestEntry:
    @pytest.mark.parametrize(
        "error",
        [
            pytest.param(firewall, id="page of a firewall"),
            pytest.param(lambda: KeyError("odd"), id="unforeseen"),
            pytest.param(lambda: BatchTooSlow("57014: statement timeout"), id="too slow"),
        ],
    )
    @pytest.mark.parametrize("place", [0, 3, 4])
    def test_costs_its_own_site_some_tries_and_the_others_nothing(
        self,
        place: int,
        error: Callable[[], Exception],
        make_site: MakeSite,
        clock: Clock,
        heard: Heard,
    ) -> None:
        sites = [make_site() for _ in range(4)]
        pks = {site.pk: waiting(site, 5) for site in sites}
        guilty, *innocent = sites
        judge = Judge(holding(pks[guilty.pk][place], error))
        deliver(judge)
        for site in innocent:
            assert arrived(site) == [1, 2, 3, 4, 5]
        assert not is_out()
        for _ in range(TRIES - 1):
            assert states(guilty)[place] == "pending"
            assert delivery(guilty).retry_at is not None
            clock.advance(minutes=5)
            waiting(innocent[0])
            deliver(judge)
        assert states(guilty) == ["dead" if n == place else "delivered" for n in range(5)]
        assert arrived(guilty) == [n + 1 for n in range(5) if n != place]
        dead = OutboxEntry.objects.get(state="dead")
        assert str(error()) in dead.last_error or "unexpected error (KeyError" in dead.last_error
        assert dead.attempts == TRIES
        assert len(heard.died) == 1
        assert arrived(innocent[0]) == list(range(1, 5 + TRIES))

    def test_that_was_refused_before_goes_alone_and_last(
        self, make_site: MakeSite, clock: Clock
    ) -> None:
        guilty, innocent = make_site(), make_site()
        [pk] = waiting(guilty)
        waiting(innocent, 9)
        judge = Judge(holding(pk, firewall))
        deliver(judge)
        clock.advance(minutes=5)
        waiting(innocent, 9)
        judge.sizes.clear()
        deliver(judge)
        assert judge.sizes == [9, 1]

    def test_that_is_taken_after_all_is_forgiven(self, make_site: MakeSite, clock: Clock) -> None:
        guilty, innocent = make_site(), make_site()
        pk, _ = waiting(guilty, 2)
        waiting(innocent)
        judge = Judge(holding(pk, firewall))
        deliver(judge)
        judge.verdict = None
        clock.advance(minutes=5)
        deliver(judge)
        assert arrived(guilty) == [1, 2]
        assert delivery(guilty).failures == 0
        assert OutboxEntry.objects.get(pk=pk).last_error == ""

    def test_outages_between_do_not_count_against_it(
        self, make_site: MakeSite, clock: Clock
    ) -> None:
        guilty, innocent = make_site(), make_site()
        [pk] = waiting(guilty)
        waiting(innocent)
        judge = Judge(holding(pk, firewall))
        deliver(judge)
        judge.verdict = lambda updates: BroadcastUnavailable("away")
        for _ in range(TRIES + 1):
            clock.advance(minutes=5)
            deliver(judge)
        assert OutboxEntry.objects.get(pk=pk).attempts == 1

    def test_of_the_only_site_is_found_when_it_goes_on(self, site: Site, clock: Clock) -> None:
        """Only its own later entries can show that the server is working."""
        pk, *_ = waiting(site, 3)
        judge = Judge(holding(pk, firewall))
        for _ in range(60):
            deliver(judge)
            clock.advance(minutes=5)
        assert states(site) == ["dead", "delivered", "delivered"]
        assert not is_out()


class TestServer:
    def test_that_refuses_all_is_away_and_kills_nobody(
        self, make_site: MakeSite, clock: Clock
    ) -> None:
        sites = [make_site() for _ in range(10)]
        for site in sites:
            waiting(site, 50)
        judge = Judge(lambda updates: firewall())
        deliver(judge)
        assert len(judge.sizes) <= 20
        assert is_out()
        judge.sizes.clear()
        for _ in range(10):
            clock.advance(minutes=5)
            deliver(judge)
        assert len(judge.sizes) <= 10 * (1 + sending.PROOFS)
        assert set(OutboxEntry.objects.values_list("state", "last_error")) == {("pending", "")}
        judge.verdict = None
        clock.advance(minutes=5)
        assert deliver(judge).delivered == 500
        assert all(arrived(site) == list(range(1, 51)) for site in sites)

    def test_that_is_known_to_be_at_fault_costs_one_request(self, make_site: MakeSite) -> None:
        waiting(make_site(), 50)
        judge = Judge(lambda updates: BroadcastUnavailable("PGRST204: no such column"))
        deliver(judge)
        assert judge.sizes == [50]

    def test_that_fails_within_the_search_is_not_asked_further(self, make_site: MakeSite) -> None:
        pks = waiting(make_site(), 8)
        poison = holding(pks[7], lambda: BroadcastRefused("22P05"))
        judge = Judge(
            lambda updates: (
                BroadcastUnavailable("away") if len(judge.sizes) == 2 else poison(updates)
            )
        )
        report = deliver(judge)
        assert judge.sizes == [8, 4]
        assert (report.delivered, report.dead) == (0, 0)

    def test_that_calls_everything_bad_data_kills_a_few_at_most(
        self, site: Site, clock: Clock
    ) -> None:
        """A faulty trigger on the table may raise any error."""
        waiting(site, 100)
        judge = Judge(lambda updates: BroadcastRefused("23514: check"))
        for _ in range(5):
            deliver(judge)
            clock.advance(minutes=5)
        assert states(site).count("dead") == sending.KILLS_WITHOUT_PROOF
        assert is_out()

    @pytest.mark.parametrize("outages", [1, 2, 3])
    def test_that_is_broken_is_believed_a_few_times(
        self, outages: int, site: Site, clock: Clock
    ) -> None:
        waiting(site, 3)
        judge = Judge(lambda updates: BroadcastUnavailable("XX000", may_be_content=True))
        for _ in range(outages):
            deliver(judge)
            clock.advance(minutes=5)
        assert len(judge.sizes) == outages
        judge.verdict = None
        deliver(judge)
        assert arrived(site) == [1, 2, 3]

    def test_that_one_entry_breaks_is_found_out_in_the_end(
        self, make_site: MakeSite, clock: Clock
    ) -> None:
        guilty, innocent = make_site(), make_site()
        pk, _ = waiting(guilty, 2)
        waiting(innocent, 2)
        judge = Judge(holding(pk, lambda: BroadcastUnavailable("XX000", may_be_content=True)))
        for _ in range(20):
            deliver(judge)
            clock.advance(minutes=5)
        assert states(guilty) == ["dead", "delivered"]
        assert arrived(innocent) == [1, 2]


class TestSlowness:
    def test_makes_batches_smaller_and_is_remembered(self, site: Site) -> None:
        waiting(site, 100)
        judge = Judge(lambda updates: BatchTooSlow("57014") if len(updates) > 10 else None)
        assert deliver(judge).delivered == 100
        assert arrived(site) == list(range(1, 101))
        assert not is_out()
        judge.sizes.clear()
        waiting(site, 100)
        assert deliver(judge).delivered == 100
        assert sum(size > 10 for size in judge.sizes) <= 8
        judge.verdict = None
        for _ in range(3):
            waiting(site, 300)
            deliver(judge)
        assert max(judge.sizes) > 100

    def test_of_everything_is_the_servers(self, make_site: MakeSite) -> None:
        waiting(make_site(), 20)
        waiting(make_site(), 20)
        judge = Judge(lambda updates: BatchTooSlow("no answer in time"))
        report = deliver(judge)
        assert judge.sizes == [40, 1, 1]
        assert (report.delivered, report.dead) == (0, 0)
        assert is_out()


class TestSite:
    """A site that is refused as a whole waits; the others are delivered."""

    @pytest.mark.parametrize("error", [UnknownSite, SequenceTaken])
    def test_costs_the_others_nothing(
        self, error: type[Exception], make_site: MakeSite, clock: Clock
    ) -> None:
        sites = [make_site() for _ in range(6)]
        guilty, *innocent = sites
        for site in sites:
            waiting(site, 3)
        judge = Judge(
            lambda updates: (
                error("refused") if any(u.site_id == guilty.pk for u in updates) else None
            )
        )
        report = deliver(judge)
        assert report.delivered == 15
        assert all(arrived(site) == [1, 2, 3] for site in innocent)
        assert delivery(guilty).last_error == "refused"
        assert delivery(guilty).retry_at is not None
        assert not is_out()
        judge.verdict = None
        clock.advance(minutes=5)
        assert deliver(judge).delivered == 3
        assert arrived(guilty) == [1, 2, 3]


def test_lease_that_ends_after_some_were_taken_sets_the_rest_free(
    make_site: MakeSite, clock: Clock, live: Live
) -> None:
    live(DELIVERY_LEASE=30, REQUEST_TIMEOUT=10)
    sites = [make_site(), make_site()]
    for site in sites:
        waiting(site, 20)

    def slow(updates: Sequence[Update]) -> Exception | None:
        clock.advance(seconds=9)
        return BatchTooSlow("57014") if len(updates) > 10 else None

    assert deliver(Judge(slow)).delivered == 40
    assert all(arrived(site) == list(range(1, 21)) for site in sites)
    assert all(delivery(site).failures == 0 for site in sites)


def test_delay_of_an_entry_is_its_sites_alone(
    make_site: MakeSite, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    guilty, innocent = make_site(), make_site()
    [pk] = waiting(guilty)
    waiting(innocent)
    deliver(Judge(holding(pk, firewall)))
    until = delivery(guilty).retry_at
    assert until is not None
    assert timedelta(0) < until - clock.now <= timedelta(seconds=1)
    assert f"updates of site {guilty.pk} wait until {until}: 403" in caplog.text
    assert delivery(innocent).retry_at is None
