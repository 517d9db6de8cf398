from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from spool_live import outbox
from spool_live.models import OutboxEntry, Site, SiteDelivery, SiteMirror
from spool_live.outbox import HistoryPage, Settlement
from tests.outbox.conftest import Clock, MakeSite, claimed, delivered, delivery, seqs, waiting
from tests.sessions import threads
from tests.waiting import PATIENCE

pytestmark = pytest.mark.django_db


def deliver_updates(site: Site, number: int) -> None:
    """Records and delivers updates of ``site``."""
    waiting(site, number)
    claim = claimed()
    outbox.settle(claim, delivered(claim))


def catch_up(site: Site, after: int, limit: int = 100) -> HistoryPage:
    return outbox.catch_up("default", site.pk, after=after, limit=limit)


def numbers(answer: HistoryPage) -> list[int]:
    return [update.seq for update in answer.results]


class TestCatchUp:
    @pytest.mark.parametrize(("after", "expected"), [(0, [1, 2, 3]), (2, [3]), (3, [])])
    def test_gives_what_came_after(self, after: int, expected: list[int], site: Site) -> None:
        deliver_updates(site, 3)
        answer = catch_up(site, after)
        assert (answer.status, numbers(answer)) == ("recovered", expected)
        assert (answer.next, answer.seq, answer.epoch) == (None, 3, 1)

    def test_pages(self, site: Site) -> None:
        deliver_updates(site, 5)
        seen, after = [], 0
        for expected in (2, 4, None):
            answer = catch_up(site, after, limit=2)
            seen += numbers(answer)
            assert answer.next == expected
            after = answer.next or 0
        assert seen == [1, 2, 3, 4, 5]

    def test_is_in_order_of_the_numbers_and_not_of_the_rows(self, site: Site) -> None:
        """Numbers that were swapped: a renumbering, or a table that was vacuumed and refilled."""
        deliver_updates(site, 4)
        pks = dict(OutboxEntry.objects.filter(site_id=site.pk).values_list("seq", "pk"))
        for old, new in [(1, 10), (4, 1), (1, 4)]:
            OutboxEntry.objects.filter(pk=pks[old]).update(seq=new)
        if connection.vendor == "postgresql":  # an index would give the order by chance
            with connection.cursor() as cursor:
                cursor.execute(
                    "set local enable_indexscan = off; set local enable_bitmapscan = off"
                )
        assert numbers(catch_up(site, 0)) == [1, 2, 3, 4]
        assert numbers(catch_up(site, 0, limit=2)) == [1, 2]

    def test_page_that_ends_with_the_last_one_has_no_next(self, site: Site) -> None:
        deliver_updates(site, 2)
        assert catch_up(site, 0, limit=2).next is None

    def test_counts_undelivered_and_dead_ones(self, site: Site) -> None:
        first, second, _ = waiting(site, 3)
        outbox.settle(claimed(), Settlement(delivered=[first], dead={second: "x"}))
        assert numbers(catch_up(site, 0)) == [1, 2, 3]

    def test_leaves_out_what_has_no_number_yet(self, site: Site) -> None:
        deliver_updates(site, 1)
        waiting(site)
        answer = catch_up(site, 0)
        assert (numbers(answer), answer.seq) == ([1], 1)

    def test_leaves_out_dropped_ones(self, site: Site) -> None:
        first, second = waiting(site, 2)
        outbox.settle(claimed(), Settlement(delivered=[second], dropped=[first]))
        assert numbers(catch_up(site, 0)) == [2]

    def test_is_of_one_site(self, make_site: MakeSite) -> None:
        one, two = make_site(), make_site()
        deliver_updates(one, 2)
        deliver_updates(two, 3)
        assert len(catch_up(one, 0).results) == 2
        assert {update.site_id for update in catch_up(one, 0).results} == {one.pk}

    def test_cursor_ahead_of_us_is_a_reset(self, site: Site) -> None:
        deliver_updates(site, 2)
        assert catch_up(site, 3) == HistoryPage("reset", [], None, 2, 1)

    def test_cursor_before_the_history_is_a_reset(self, site: Site) -> None:
        deliver_updates(site, 5)
        SiteDelivery.objects.update(history_floor=3)
        assert catch_up(site, 2).status == "reset"
        assert catch_up(site, 3).status == "recovered"

    @pytest.mark.parametrize(("after", "status"), [(0, "recovered"), (1, "reset")])
    def test_site_of_which_nothing_was_ever_told(self, after: int, status: str) -> None:
        answer = outbox.catch_up("default", uuid.uuid4(), after=after, limit=10)
        assert answer == HistoryPage(status, [], None, 0, 0)  # type: ignore[arg-type]

    def test_epoch_is_the_acknowledged_one(self, site: Site) -> None:
        SiteDelivery.objects.filter(pk=site.pk).update(acknowledged_epoch=7)
        SiteMirror.objects.filter(pk=site.pk).update(epoch=8)
        assert catch_up(site, 0).epoch == 7

    def test_never_passes_over_a_hole_that_is_purged_while_it_reads(self, site: Site) -> None:
        deliver_updates(site, 4)

        def purge_first(execute: Any, sql: str, *rest: Any) -> Any:
            if "live_updates_outbox" in sql and not purged:
                purged.append(sql)
                OutboxEntry.objects.filter(seq__lte=2).delete()
                SiteDelivery.objects.filter(pk=site.pk).update(history_floor=2)
            return execute(sql, *rest)

        purged: list[str] = []
        with connection.execute_wrapper(purge_first):
            answer = catch_up(site, 0)
        assert purged
        assert (answer.status, answer.results, answer.seq) == ("reset", [], 4)

    def test_goes_by_numbers_also_where_an_older_entry_was_numbered_later(self, site: Site) -> None:
        """A long transaction commits an entry with a lower id after others were numbered."""
        deliver_updates(site, 4)
        for seq, pk in zip((8, 6, 7, 5), OutboxEntry.objects.values_list("pk"), strict=True):
            OutboxEntry.objects.filter(pk=pk[0]).update(seq=seq)
        SiteDelivery.objects.filter(pk=site.pk).update(last_seq=8)
        first = catch_up(site, 4, limit=2)
        assert (numbers(first), first.next) == ([5, 6], 6)
        assert numbers(catch_up(site, 6, limit=2)) == [7, 8]

    def test_what_is_numbered_while_it_reads_is_left_to_the_next_one(self, site: Site) -> None:
        deliver_updates(site, 2)

        def number_first(execute: Any, sql: str, *rest: Any) -> Any:
            if "live_updates_outbox" in sql and not numbered:
                numbered.append(sql)
                deliver_updates(site, 1)
            return execute(sql, *rest)

        numbered: list[str] = []
        with connection.execute_wrapper(number_first):
            answer = catch_up(site, 0)
        assert (numbers(answer), answer.seq) == ([1, 2], 2)
        assert numbers(catch_up(site, answer.seq)) == [3]

    def test_costs_the_same_however_long_the_history(self, site: Site) -> None:
        for _ in range(2):
            deliver_updates(site, 50)
            with CaptureQueriesContext(connection) as queries:
                catch_up(site, 0)
            assert len(queries) == 3


class TestPurge:
    @pytest.fixture
    def history(self, make_site: MakeSite, clock: Clock) -> list[Site]:
        """Two sites, each with three updates delivered a day ago and two just now."""
        sites = [make_site() for _ in range(2)]
        for number in (3, 2):
            for site in sites:
                deliver_updates(site, number)
            clock.advance(days=1)
        return sites

    def test_removes_what_was_settled_before_and_raises_the_floor(
        self, history: list[Site], clock: Clock
    ) -> None:
        before = clock.now - timedelta(days=1)
        assert outbox.purge_settled("default", before=before, limit=100) == 6
        for site in history:
            assert seqs(site) == [4, 5]
            assert delivery(site).history_floor == 3
            assert catch_up(site, 2).status == "reset"
            assert numbers(catch_up(site, 3)) == [4, 5]
        assert outbox.purge_settled("default", before=before, limit=100) == 0

    def test_in_steps(self, history: list[Site], clock: Clock) -> None:
        removed = []
        while step := outbox.purge_settled("default", before=clock.now, limit=4):
            removed.append(step)
        assert removed == [4, 4, 2]
        assert [delivery(site).history_floor for site in history] == [5, 5]

    def test_oldest_goes_first(self, history: list[Site], clock: Clock) -> None:
        """Otherwise an interrupted purge would raise the floor above entries that still exist."""
        outbox.purge_settled("default", before=clock.now, limit=6)
        assert [seqs(site) for site in history] == [[4, 5], [4, 5]]
        assert [delivery(site).history_floor for site in history] == [3, 3]

    def test_counter_outlives_it(self, history: list[Site], clock: Clock) -> None:
        outbox.purge_settled("default", before=clock.now, limit=100)
        deliver_updates(history[0], 1)
        assert seqs(history[0]) == [6]

    @pytest.mark.parametrize("state", ["pending", "dead"])
    def test_keeps_what_a_person_or_a_worker_still_needs(
        self, state: str, site: Site, clock: Clock
    ) -> None:
        deliver_updates(site, 1)
        OutboxEntry.objects.update(state=state)
        clock.advance(days=99)
        assert outbox.purge_settled("default", before=clock.now, limit=100) == 0

    @pytest.mark.parametrize("state", ["delivered", "dropped", "merged", "left"])
    def test_removes_every_settled_state(self, state: str, site: Site, clock: Clock) -> None:
        deliver_updates(site, 1)
        OutboxEntry.objects.update(state=state)
        clock.advance(days=99)
        assert outbox.purge_settled("default", before=clock.now, limit=100) == 1

    def test_entry_without_a_number_raises_no_floor(self, site: Site, clock: Clock) -> None:
        waiting(site)
        OutboxEntry.objects.update(state="merged", settled_at=clock.now)
        clock.advance(days=1)
        assert outbox.purge_settled("default", before=clock.now, limit=100) == 1
        assert delivery(site).history_floor == 0

    def test_floor_never_sinks(self, site: Site, clock: Clock) -> None:
        deliver_updates(site, 2)
        SiteDelivery.objects.update(history_floor=9)
        clock.advance(days=1)
        outbox.purge_settled("default", before=clock.now, limit=100)
        assert delivery(site).history_floor == 9


@pytest.mark.django_db(transaction=True)
class TestPurgeBesideReaders:
    """A client reads the history in another session, at every moment of a purge."""

    def test_locks_the_sites_in_the_order_of_all_delivery(
        self, make_site: MakeSite, clock: Clock
    ) -> None:
        """So that a purge never deadlocks with a claim or another purge."""
        sites = [make_site() for _ in range(30)]
        for site in sites:
            deliver_updates(site, 1)
        clock.advance(hours=1)
        locked: list[uuid.UUID] = []

        def watch(execute: Any, sql: str, parameters: Any, *rest: Any) -> Any:
            if sql.startswith("UPDATE") and SiteDelivery._meta.db_table in sql:
                ids = {str(value).replace("-", "") for value in parameters}
                locked.extend(site.pk for site in sites if site.pk.hex in ids)
            return execute(sql, parameters, *rest)

        with connection.execute_wrapper(watch):
            assert outbox.purge_settled("default", before=clock.now, limit=100) == 30
        in_order = SiteDelivery.objects.order_by("pk").values_list("pk", flat=True)
        assert locked == list(in_order), "as this database orders ids"

    def test_nobody_sees_a_purge_that_is_half_done(self, site: Site, clock: Clock) -> None:
        deliver_updates(site, 4)
        clock.advance(days=1)
        seen: list[HistoryPage] = []

        def look_behind(execute: Any, sql: str, *rest: Any) -> Any:
            result = execute(sql, *rest)
            with threads(1) as start:
                seen.append(start(catch_up, site, 0).result(PATIENCE))
            return result

        with connection.execute_wrapper(look_behind):
            assert outbox.purge_settled("default", before=clock.now, limit=100) == 4
        assert len(seen) >= 3
        assert all((s.status, numbers(s)) == ("recovered", [1, 2, 3, 4]) for s in seen)
        assert catch_up(site, 0).status == "reset"

    def test_purge_that_fails_half_way_changes_nothing(self, site: Site, clock: Clock) -> None:
        deliver_updates(site, 4)
        clock.advance(days=1)

        def refuse(execute: Any, sql: str, *rest: Any) -> Any:
            if sql.startswith("DELETE"):
                raise OperationalError("the connection is lost")
            return execute(sql, *rest)

        with connection.execute_wrapper(refuse), pytest.raises(OperationalError):
            outbox.purge_settled("default", before=clock.now, limit=100)
        assert (delivery(site).history_floor, seqs(site)) == (0, [1, 2, 3, 4])
        assert numbers(catch_up(site, 0)) == [1, 2, 3, 4]
