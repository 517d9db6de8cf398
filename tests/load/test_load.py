"""1,000 connections, 50 clients, many inserts, a large cleanup, a rate limit: nothing is lost,
doubled or mixed up, however long it takes. The long form of each is marked ``slow``."""

from __future__ import annotations

import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import httpx
import pytest
from django.db import connections
from django.utils import timezone

from spool_live import LiveUpdateData, batch, broadcast_update, delivery, outbox
from spool_live.broadcasters.supabase import SupabaseBroadcaster
from spool_live.delivery.cleanup import clean_up
from spool_live.models import LiveUpdate, OutboxEntry, Site
from spool_live.throttling.rates import Rate
from spool_live.updates import EventType
from tests.end_to_end.conftest import Road, road
from tests.load.crowd import Crowd

__all__ = ["road"]
pytestmark = [
    pytest.mark.django_db(transaction=True, databases="__all__"),
    pytest.mark.timeout(900),
]
long = pytest.mark.slow


@pytest.fixture(autouse=True)
def _open_doors(live: Callable[..., None]) -> None:
    """All subscribers come from one address."""
    live(ADDRESS_RATE="", TOKEN_RATE="", UPDATES_RATE="")


@pytest.fixture
def delivering() -> Iterator[Callable[[], int]]:
    """Delivers in the background, as workers do; called, it waits until nothing is left."""
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            delivery.deliver_pending("default")
            stop.wait(0.02)
        connections.close_all()

    def drained() -> int:
        while OutboxEntry.objects.filter(state="pending").exists():
            time.sleep(0.05)
        return OutboxEntry.objects.filter(state="delivered").count()

    workers = [threading.Thread(target=work, daemon=True) for _ in range(2)]
    for worker in workers:
        worker.start()
    yield drained
    stop.set()
    for worker in workers:
        worker.join()


def record(site: Site, number: int) -> None:
    broadcast_update(
        site,
        LiveUpdateData(EventType.UPDATED, "articles", uuid.uuid4(), metadata={"n": number}),
    )


@pytest.mark.parametrize("connected", [1_000, pytest.param(4_000, marks=long)])
def test_thousand_connections_of_two_sites_get_their_own_once(
    road: Road, connected: int, delivering: Callable[[], int]
) -> None:
    sites = [road.site(name) for name in ("Courier", "Ledger")]
    crowds = [
        Crowd("raw", connected // 2, api_url=road.api_url, api_key=key, site_id=str(site.pk))
        for site, key in sites
    ]
    with crowds[0], crowds[1]:
        for number in range(6):
            record(sites[number % 2][0], number)
        for place, crowd in enumerate(crowds):
            own = range(place, 6, 2)
            assert crowd.heard(3) == Counter(dict.fromkeys(own, crowd.count))


@pytest.mark.parametrize(("clients", "updates"), [(50, 40), pytest.param(200, 400, marks=long)])
def test_fifty_clients_get_every_update_once(
    road: Road, clients: int, updates: int, delivering: Callable[[], int]
) -> None:
    site, key = road.site("Courier")
    with Crowd("ours", clients, api_url=road.api_url, api_key=key, site_id=str(site.pk)) as crowd:
        for number in range(updates):
            record(site, number)
        assert crowd.heard(updates) == Counter(dict.fromkeys(range(updates), clients))


@pytest.mark.parametrize("each", [500, pytest.param(25_000, marks=long)])
def test_inserts_of_many_editors_arrive_once_and_numbered(
    road: Road, each: int, delivering: Callable[[], int]
) -> None:
    sites = [road.site(f"Paper {number}")[0] for number in range(4)]

    def edit(site: Site) -> None:
        for start in range(0, each, 50):
            with batch():
                for number in range(start, start + 50):
                    record(site, number)
        connections.close_all()

    with ThreadPoolExecutor(4) as editors:
        list(editors.map(edit, sites))
    assert delivering() == 4 * each
    for site in sites:
        rows = LiveUpdate.objects.filter(site_id=site.pk).order_by("seq")
        seqs, numbers = zip(*rows.values_list("seq", "metadata__n"), strict=True)
        assert seqs == tuple(range(1, each + 1))
        assert numbers == tuple(range(each))


@pytest.mark.parametrize("old", [20_000, pytest.param(500_000, marks=long)])
def test_large_cleanup_takes_what_is_old_and_nothing_else(
    road: Road, old: int, delivering: Callable[[], int]
) -> None:
    site, _ = road.site("Courier")
    long_ago = timezone.now() - timedelta(days=1)
    LiveUpdate.objects.bulk_create(
        (
            LiveUpdate(
                site_id=site.pk, event_type="content.updated", collection="articles",
                item_id=uuid.uuid4(), inserted_at=long_ago,
            )
            for _ in range(old)
        ),
        batch_size=2_000,
    )  # fmt: skip
    reports: list[Any] = []

    def clean() -> None:
        reports.append(clean_up(SupabaseBroadcaster()))
        connections.close_all()

    cleaner = threading.Thread(target=clean)
    cleaner.start()
    for number in range(100):  # meanwhile editors go on
        record(site, number)
    assert delivering() == 100
    cleaner.join()
    assert [report.live_updates for report in reports] == [old]
    left = LiveUpdate.objects.filter(site_id=site.pk).order_by("seq")
    assert list(left.values_list("metadata__n", flat=True)) == list(range(100))
    page = outbox.catch_up("default", site.pk, after=0, limit=200)
    assert [update.seq for update in page.results] == list(range(1, 101))


@pytest.mark.parametrize("asked", [200, pytest.param(5_000, marks=long)])
def test_rate_limit_lets_exactly_so_many_through(
    road: Road, live: Callable[..., None], asked: int
) -> None:
    live(TOKEN_RATE="60/h", ADDRESS_RATE="")
    (_, greedy), (_, modest) = road.site("Courier"), road.site("Ledger")
    url = f"{road.api_url}token/"
    window = Rate(60, 3600).window(time.time())
    with ThreadPoolExecutor(8) as crowd, httpx.Client(timeout=30) as browser:

        def ask(key: str) -> httpx.Response:
            return browser.post(url, headers={"Authorization": f"Api-Key {key}"})

        answers = list(crowd.map(ask, [greedy] * asked))
        other = ask(modest)
    codes = Counter(answer.status_code for answer in answers)
    if Rate(60, 3600).window(time.time()) == window:  # else the hour has just turned
        assert codes == {200: 60, 429: asked - 60}
    assert all(int(a.headers["Retry-After"]) > 0 for a in answers if a.status_code == 429)
    assert other.status_code == 200
