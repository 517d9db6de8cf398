"""How long an update, a revocation and a save wait for others (G15), with one worker."""

from __future__ import annotations

import io
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial

from django.core.management import call_command
from django.db import connection, connections, transaction
from django.db.models import QuerySet
from django.utils import timezone

from benchmarks.figures import Figure, Sample, over_rounds, percentiles
from benchmarks.newsroom.models import LiveStory
from benchmarks.rig import Rig
from benchmarks.road import Road, running_road
from spool_live import broadcast_update, delivery, keys, outbox
from spool_live.delivery import mirror
from spool_live.local.processes import wait_until
from spool_live.models import OutboxEntry, Site, SiteDelivery, SiteMirror
from spool_live.updates import EventType, LiveUpdateData

SAVES = 2_000
_BACKLOG = """
INSERT INTO live_updates_outbox
  (update_id, site_id, event_type, collection, item_id, slug, timestamp, metadata)
SELECT gen_random_uuid(), (%s::uuid[])[1 + n %% %s], 'content.updated', 'stories',
       gen_random_uuid(), 'story-' || n, now(), jsonb_build_object('n', n, 'text', repeat('x', 500))
FROM generate_series(1, %s) AS n
"""


def run(rig: Rig) -> list[Figure]:
    """Measure each figure while everything else of its kind is active."""
    with running_road(rig, "Turns", worker=False) as road:
        small = _small_sites(rig)
        claims = _claims(rig)
        update, revocation, refused = _beside_a_run(road, rig.times(1_500, 100))
        everything = _mirrored(rig.times(10_000, 500))
        plain, beside, errors = _saves_beside_setup(road, rig.times(12, 3))
    return [
        Figure("G15 last of 100 small sites behind 50,000 of one", small, "s", 1),
        Figure("G15 claim beside 200,000 that cannot go, p50", claims[0], "ms", 10),
        Figure("claim beside 200,000 that cannot go, p95", claims[1], "ms"),
        Figure("G15 first update while 1,500 sites are mirrored", update, "s", 1),
        Figure("G15 revocation while 1,500 sites are mirrored", revocation, "s", 1),
        Figure("G15 tokens refused meanwhile", refused, "", 0),
        Figure("G15 10,000 sites mirrored", everything, "s", 30),
        Figure("G15 saves beside 12 live_setup, p99", beside, "ms", 3 * plain, "alone", plain),
        Figure("G15 saves that failed beside live_setup", errors, "", 0),
    ]


def _small_sites(rig: Rig) -> Sample:
    found = []
    for _ in range(rig.times(3)):
        big, *small = _sites(101)
        _fill([big], rig.times(50_000, 2_000))
        _fill(small, 100)
        started = timezone.now()
        with _worker():
            ids = [site.pk for site in small]
            left = OutboxEntry.objects.filter(site_id__in=ids, state="pending")
            wait_until(partial(_is_empty, left), 120)
        settled = OutboxEntry.objects.filter(site_id__in=ids).order_by("-settled_at")
        found.append((settled[0].settled_at - started).total_seconds())  # type: ignore[operator]
        _forget(big, *small)
    return over_rounds(found)


def _claims(rig: Rig) -> list[Sample]:
    """Fill the outbox: half of the blocked entries wait for a retry, half are leased; one is
    free."""
    blocked, free = _sites(200), _sites(1)
    _fill(blocked, rig.times(200_000, 5_000))
    later = timezone.now() + timedelta(seconds=90)
    half = [site.pk for site in blocked[:100]]
    rest = [site.pk for site in blocked[100:]]
    SiteDelivery.objects.filter(pk__in=half).update(retry_at=later)
    lease = {"lease_token": uuid.uuid4(), "leased_until": later}
    SiteDelivery.objects.filter(pk__in=rest).update(**lease)
    found = []
    for _ in range(rig.times(100, 10)):
        _record(free[0])
        started = time.perf_counter()
        claim = outbox.claim_batch("default")
        found.append((time.perf_counter() - started) * 1000)
        assert claim is not None
        assert len(claim.entries) == 1
        outbox.settle(claim, outbox.Settlement(delivered=[claim.entries[0].pk]))
    _forget(*blocked, *free)
    return percentiles(found, 0.5, 0.95, expected=rig.times(100, 10))


def _beside_a_run(road: Road, count: int) -> tuple[float, float, int]:
    """Return the seconds until an update is delivered and a revocation acknowledged, and the number
    of refused tokens, while all sites are mirrored again."""
    sites = _sites(count)
    key, _ = keys.create_key(sites[1], name="bench")
    mirror.mirror_pending("default")
    mirror.mirror_all("default")
    with _worker():
        wait_until(lambda: SiteDelivery.objects.filter(mirror_run=None).count() > count // 20, 60)
        refused = 0 if _has_token(road) else 1
        started = time.perf_counter()
        _record(sites[0])
        keys.revoke_key(key)
        waiting = OutboxEntry.objects.filter(site_id=sites[0].pk, state="pending")
        epoch = SiteMirror.objects.get(pk=sites[1].pk).epoch
        revoked = SiteDelivery.objects.filter(pk=sites[1].pk, acknowledged_epoch=epoch)
        moments: dict[str, float] = {}

        def watch() -> bool:
            now = time.perf_counter() - started
            if "update" not in moments and not waiting.exists():
                moments["update"] = now
            if "revocation" not in moments and revoked.exists():
                moments["revocation"] = now
            return len(moments) == 2

        wait_until(watch, 120)
        while SiteDelivery.objects.exclude(mirror_run=None).exists():
            refused += not _has_token(road)
    _forget(*sites)
    return moments["update"], moments["revocation"], refused


def _mirrored(count: int) -> float:
    sites = Site.objects.bulk_create([Site(name=f"mirrored {n}") for n in range(count)])
    mirror.mirror_all("default")
    started = time.perf_counter()
    assert mirror.mirror_pending("default") >= count
    elapsed = time.perf_counter() - started
    _forget(*sites)
    return elapsed


def _saves_beside_setup(road: Road, setups: int) -> tuple[float, float, int]:
    """Return the 99th percentile of a save, alone and beside delivery runs, and the failed
    saves."""
    alone: list[float] = []
    plain, _ = _saves(road, lambda: len(alone) < SAVES, alone)
    done = threading.Event()

    def set_up() -> None:
        try:
            for _ in range(setups):
                call_command("live_setup", stdout=io.StringIO(), stderr=io.StringIO())
        finally:
            connections.close_all()
            done.set()

    thread = threading.Thread(target=set_up)
    thread.start()
    beside, errors = _saves(road, lambda: not done.is_set(), [])
    thread.join()
    return plain, beside, errors


def _saves(road: Road, goes_on: Callable[[], bool], times: list[float]) -> tuple[float, int]:
    story = LiveStory(site=road.site, title="x", slug="x", summary="s" * 200, body="b" * 1000)
    errors = 0
    while goes_on():
        started = time.perf_counter()
        try:
            with transaction.atomic():
                story.save()
        except Exception:  # noqa: BLE001 - counted
            errors += 1
        times.append((time.perf_counter() - started) * 1000)
    return sorted(times)[int(len(times) * 0.99)], errors


@contextmanager
def _worker() -> Iterator[None]:
    """Run one worker that delivers all the time."""
    over = threading.Event()

    def work() -> None:
        try:
            while not over.is_set():
                delivery.deliver_and_mirror("default")
                over.wait(0.01)
        finally:
            connections.close_all()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _sites(count: int) -> list[Site]:
    sites = Site.objects.bulk_create([Site(name=f"turns {n}") for n in range(count)])
    for site in sites:
        outbox.site_changed(site.pk, using="default")
    mirror.mirror_pending("default")
    return sites


def _fill(sites: list[Site], count: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_BACKLOG, [[site.pk for site in sites], len(sites), count])
        cursor.execute("ANALYZE live_updates_outbox")


def _is_empty(entries: QuerySet[OutboxEntry]) -> bool:
    return not entries.exists()


def _record(site: Site) -> None:
    broadcast_update(site, LiveUpdateData(EventType.UPDATED, "stories", uuid.uuid4()))


def _forget(*sites: Site) -> None:
    ids = [site.pk for site in sites]
    for model in (OutboxEntry, SiteDelivery, SiteMirror):
        model.objects.filter(site_id__in=ids).delete()
    with connection.cursor() as cursor:
        cursor.execute("delete from live_updates where site_id = any(%s)", [ids])
        cursor.execute("delete from site_api_keys where site_id = any(%s)", [ids])
        cursor.execute("delete from sites where id = any(%s)", [ids])
        cursor.execute("VACUUM live_updates_outbox")


def _has_token(road: Road) -> bool:
    headers = {"Authorization": f"Api-Key {road.api_key}"}
    request = urllib.request.Request(f"{road.api_url}token/", method="POST", headers=headers)
    try:
        urllib.request.urlopen(request).close()
    except urllib.error.HTTPError:
        return False
    return True
