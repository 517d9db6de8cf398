"""Sites take turns: the backlog of one hardly delays the others, whether it may be sent or not."""

from __future__ import annotations

import math
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from spool_live import keys, outbox, tasks
from spool_live.broadcasters.memory import MemoryBroadcaster
from spool_live.delivery import deliver_and_mirror, mirror
from spool_live.models import OutboxEntry, Site, SiteDelivery
from spool_live.outbox import coalescing
from tests.delivery.conftest import Recording
from tests.outbox.conftest import MakeSite, claimed, delivered, seqs, update

pytestmark = pytest.mark.django_db

Live = Callable[..., None]
on_postgresql = pytest.mark.skipif(
    settings.CONTENT != "postgresql", reason="the plan of PostgreSQL"
)


def record(site: Site, number: int) -> None:
    outbox.record([(site.pk, update()) for _ in range(number)], using="default")


def test_small_sites_are_in_the_first_batch_beside_a_backlog(
    make_site: MakeSite, live: Live
) -> None:
    live(DELIVERY_BATCH_SIZE=50)
    big, small = make_site(), [make_site() for _ in range(10)]
    record(big, 200)
    for site in small:
        record(site, 2)
    claim = claimed()
    taken = {site.pk: 0 for site in (big, *small)}
    for entry in claim.entries:
        taken[entry.site_id] += 1
    assert all(taken[site.pk] == 2 for site in small)
    assert 0 < taken[big.pk] <= 30
    assert len(claim.entries) <= 50


def test_backlog_has_the_whole_batch_where_nobody_else_waits(
    make_site: MakeSite, live: Live
) -> None:
    live(DELIVERY_BATCH_SIZE=50)
    big = make_site()
    record(big, 120)
    sizes = []
    while claim := outbox.claim_batch("default"):
        sizes.append(len(claim.entries))
        outbox.settle(claim, delivered(claim))
    assert sizes == [50, 50, 20]
    assert seqs(big) == list(range(1, 121))


def test_backlogs_are_shared_out_to_workers(make_site: MakeSite, live: Live) -> None:
    """A batch that is full leaves the other sites to other workers."""
    live(DELIVERY_BATCH_SIZE=50)
    big, small = [make_site() for _ in range(3)], [make_site() for _ in range(4)]
    for site in big:
        record(site, 200)
    for site in small:
        record(site, 2)
    first, second, third = claimed(), claimed(), claimed()
    assert {site.pk for site in small} < set(first.sites)
    assert [len(claim.sites) for claim in (first, second, third)] == [5, 1, 1]
    assert [len(claim.entries) for claim in (first, second, third)] == [50, 50, 50]
    assert outbox.claim_batch("default") is None


def test_sites_that_fill_a_batch_together_go_together(make_site: MakeSite, live: Live) -> None:
    live(DELIVERY_BATCH_SIZE=50)
    for _ in range(6):
        record(make_site(), 20)
    first, second = claimed(), claimed()
    assert (len(first.sites), len(first.entries)) == (3, 50)
    assert (len(second.sites), len(second.entries)) == (3, 50)


def test_backlogs_have_a_turn_each(make_site: MakeSite, live: Live) -> None:
    live(DELIVERY_BATCH_SIZE=20)
    sites = [make_site() for _ in range(5)]
    for site in sites:
        record(site, 60)
    for _ in range(3):
        turns = []
        for _ in sites:
            claim = claimed()
            turns += list(claim.sites)
            outbox.settle(claim, delivered(claim))
        assert sorted(turns) == sorted(site.pk for site in sites)


def test_updates_that_wait_for_the_next_ones_fill_no_batch(
    make_site: MakeSite, live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    live(DELIVERY_BATCH_SIZE=20)
    monkeypatch.setattr(coalescing, "windows", lambda: {"articles": timedelta(minutes=1)})
    held, *free = sorted((make_site() for _ in range(3)), key=lambda site: site.pk)
    record(held, 100)
    for site in free:
        outbox.record([(site.pk, update(collection="notices")) for _ in range(10)], using="default")
    claim = claimed()
    assert set(claim.sites) == {site.pk for site in free}
    assert len(claim.entries) == 20


def test_bytes_are_shared_out_too(make_site: MakeSite, live: Live) -> None:
    live(DELIVERY_BATCH_BYTES=20_000)
    sites = [make_site() for _ in range(3)]
    for site in sites:
        for _ in range(10):
            outbox.record([(site.pk, update(metadata={"x": "y" * 2_000}))], using="default")
    claim = claimed()
    each = [sum(entry.site_id == site.pk for entry in claim.entries) for site in sites]
    assert max(each) - min(each) <= 1
    assert sum(each) >= 6


def test_sites_that_cannot_go_hide_no_other(make_site: MakeSite, live: Live) -> None:
    live(DELIVERY_BATCH_SIZE=3)
    waiting, leased, quiet = [make_site() for _ in range(5)], make_site(), make_site()
    for site in waiting:
        record(site, 5)
    later = timezone.now() + timedelta(minutes=1)
    SiteDelivery.objects.filter(pk__in=[site.pk for site in waiting]).update(retry_at=later)
    record(leased, 5)
    claimed()
    record(quiet, 1)
    assert set(claimed().sites) == {quiet.pk}
    assert outbox.claim_batch("default") is None
    assert not outbox.is_ready("default")


@on_postgresql
def test_claim_reads_no_backlog_that_cannot_go(make_site: MakeSite) -> None:
    """It reads one entry for each site, neither the whole table nor a waiting site's backlog."""
    blocked, quiet = make_site(), make_site()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO live_updates_outbox (update_id, site_id, event_type, collection, item_id,"
            " timestamp, metadata) SELECT gen_random_uuid(), %s, 'content.updated', 'x',"
            " gen_random_uuid(), now(), '{}' FROM generate_series(1, 20000)",
            [blocked.pk],
        )
        cursor.execute("ANALYZE live_updates_outbox")
    later = timezone.now() + timedelta(minutes=1)
    SiteDelivery.objects.filter(pk=blocked.pk).update(retry_at=later)
    record(quiet, 1)
    before = entries_read()
    assert set(claimed().sites) == {quiet.pk}
    assert entries_read() - before < 1_000


def entries_read() -> int:
    """How many rows of the outbox this transaction has read, by index or not."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sum(pg_stat_get_xact_tuples_returned(c) + pg_stat_get_xact_tuples_fetched(c))"
            " FROM (SELECT 'live_updates_outbox'::regclass::oid AS c"
            " UNION ALL SELECT indexrelid FROM pg_index"
            " WHERE indrelid = 'live_updates_outbox'::regclass) r"
        )
        return int(cursor.fetchone()[0])


class TestMirrorInTurns:
    def test_update_waits_for_one_call_of_a_run_through_all_sites(
        self, make_site: MakeSite, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(mirror, "SITES_A_CALL", 2)
        sites = [make_site() for _ in range(8)]
        mirror.mirror_all("default")
        broadcaster = Recording()
        record(sites[0], 1)
        deliver_and_mirror("default", broadcaster=broadcaster, pause=lambda seconds: None)
        first = broadcaster.names.index("broadcast")
        assert first <= 3, "two of the run, and its own site"
        assert ("mirror", sites[0].pk) in broadcaster.calls[:first], "it was mirrored before"
        assert set(broadcaster.names[first + 1 :]) == {"mirror"}
        assert {pk for name, pk in broadcaster.calls if name == "mirror"} >= {s.pk for s in sites}
        assert not outbox.is_anything_waiting("default")

    def test_right_that_is_lost_meanwhile_goes_next(
        self, make_key: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(mirror, "SITES_A_CALL", 1)
        made = [make_key()[0] for _ in range(6)]
        mirror.mirror_all("default")
        order: list[uuid.UUID] = []

        class Revoking(MemoryBroadcaster):
            """While the second site is on its way, a key is revoked."""

            def mirror(self, site: Any) -> Any:
                order.append(uuid.UUID(site["site_id"]))
                if len(order) == 2:
                    left = [key for key in made if key.site_id not in order]
                    keys.revoke_key(left[-1])
                    order_of.append(left[-1].site_id)
                return super().mirror(site)

        order_of: list[uuid.UUID] = []
        deliver_and_mirror("default", broadcaster=Revoking(), pause=lambda seconds: None)
        assert order[2] == order_of[0]

    def test_tokens_go_on_while_all_sites_are_mirrored_again(
        self, make_key: Callable[..., Any]
    ) -> None:
        key, _ = make_key()
        before = SiteDelivery.objects.get(pk=key.site_id)
        mirror.mirror_all("default")
        after = SiteDelivery.objects.get(pk=key.site_id)
        assert after.acknowledged_version == before.acknowledged_version >= key.mirror_version
        assert after.mirror_run is not None

    def test_run_that_begins_while_a_site_is_on_its_way_sends_it_again(
        self, make_site: MakeSite
    ) -> None:
        site = make_site()
        mirror.mirror_all("default")

        class Again(MemoryBroadcaster):
            def mirror(self, payload: Any) -> Any:
                if not again:
                    again.append(mirror.mirror_all("default"))
                return super().mirror(payload)

        again: list[int] = []
        mirror.mirror_site("default", site.pk, Again())
        assert outbox.is_behind(None, SiteDelivery.objects.get(pk=site.pk))
        mirror.mirror_pending("default", MemoryBroadcaster())
        assert not outbox.is_anything_waiting("default")

    def test_keys_without_a_right_are_left_out(self, make_site: MakeSite) -> None:
        site = make_site()
        now = timezone.now()
        keeps, _ = keys.create_key(site, name="keeps", expires_at=now + timedelta(days=1))
        ended, _ = keys.create_key(site, name="just expired", expires_at=now - timedelta(hours=1))
        keys.create_key(site, name="long expired", expires_at=now - timedelta(days=30))
        keys.revoke_key(keys.create_key(site, name="revoked")[0])
        mirror.mirror_site("default", site.pk, MemoryBroadcaster())
        mirrored = {key["id"] for key in MemoryBroadcaster.sites[str(site.pk)]["api_keys"]}
        assert mirrored == {str(keeps.pk), str(ended.pk)}


@on_postgresql
def test_superfluous_sweep_asks_one_question_of_updates_and_one_of_webhooks(
    make_site: MakeSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_site()
    from spool_live import heartbeats
    from spool_live.capture import scheduling
    from spool_live.supabase import databases

    monkeypatch.setattr(scheduling, "_looked", {"default": math.inf})
    monkeypatch.setattr(databases, "content_databases", lambda: ["default"])
    monkeypatch.setattr(heartbeats, "beat", lambda using, part: None)
    with CaptureQueriesContext(connection) as queries:
        tasks.sweep()
    updates, endpoints = (query["sql"] for query in queries)
    assert "live_updates_outbox" in updates
    assert "live_webhook_endpoints" in endpoints
    assert OutboxEntry.objects.count() == 0


@on_postgresql
def test_question_of_the_sweep_is_indexed(make_site: MakeSite) -> None:
    """Also while the statistics are still those of a backlog that was delivered."""
    from spool_live.sql import read_sql

    site = make_site()
    record(site, 500)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE live_updates_outbox")
        OutboxEntry.objects.update(state="delivered")
        cursor.execute("EXPLAIN " + read_sql("outbox/anything"))
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "Seq Scan on live_updates_outbox" not in plan
    assert "live_outbox_waiting" in plan
