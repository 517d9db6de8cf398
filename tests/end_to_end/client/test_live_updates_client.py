"""Our client on the whole road: real API, real database, real Realtime frames."""

from __future__ import annotations

import asyncio
import logging
import queue
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.conf import LazySettings

from spool_live import keys
from spool_live.client import (
    InvalidCredentialsError,
    LiveUpdate,
    LiveUpdatesConfig,
    LogSource,
    Phase,
    SyncLiveUpdatesClient,
    Timing,
)
from spool_live.client.cli.check import check
from spool_live.delivery import mirror
from spool_live.local.processes import wait_until
from spool_live.models import Site
from tests.end_to_end.conftest import Road

WAIT = 15.0
EAGER = Timing(epoch_jitter=0.1, catch_up_interval=1.0, backoff_initial=0.1)


class Follower:
    """A live client of one site, and what its handler got."""

    def __init__(self, client: SyncLiveUpdatesClient) -> None:
        self.client = client
        self._updates: queue.Queue[LiveUpdate] = queue.Queue()
        client.on_update(self._updates.put)

    def next(self) -> LiveUpdate:
        return self._updates.get(timeout=WAIT)

    def nothing(self) -> bool:
        return self._updates.empty()


def config_of(road: Road, site: Site, key: str, **options: object) -> LiveUpdatesConfig:
    values = {"site_id": str(site.pk), "api_key": key, "api_url": road.api_url, "timing": EAGER}
    return LiveUpdatesConfig(**(values | options))  # type: ignore[arg-type]


@contextmanager
def following(road: Road, site: Site, key: str, **options: object) -> Iterator[Follower]:
    with SyncLiveUpdatesClient(config_of(road, site, key, **options)) as client:
        follower = Follower(client)
        client.wait_until_live(WAIT)
        yield follower


@pytest.mark.parametrize("mode", ["broadcast", "postgres_changes"])
def test_each_site_gets_its_own_updates(road: Road, settings: LazySettings, mode: str) -> None:
    settings.SPOOL_LIVE = {**settings.SPOOL_LIVE, "REALTIME_MODE": mode}
    (site_a, key_a), (site_b, key_b) = road.site("A"), road.site("B")
    with following(road, site_a, key_a) as a, following(road, site_b, key_b) as b:
        article = road.edit(site_a, "for-a")
        road.edit(site_b, "for-b")
        update = a.next()
        assert (update.slug, update.event_type, update.seq) == ("for-a", "content.published", 1)
        assert (update.item_id, update.site_id) == (str(article.pk), str(site_a.pk))
        assert b.next().slug == "for-b"
        assert a.nothing()
        assert a.client.state.log is LogSource.CMS


def test_revoked_key_stops_its_client_and_the_others_follow_to_the_new_epoch(road: Road) -> None:
    site, good = road.site("A")
    bad_key, bad = keys.create_key(site, name="to be revoked")
    mirror.mirror_pending("default")
    with following(road, site, good) as kept, following(road, site, bad) as lost:
        road.edit(site, "before")
        assert (kept.next().slug, lost.next().slug) == ("before", "before")
        keys.revoke_key(bad_key)
        mirror.mirror_pending("default")
        road.edit(site, "after")
        road.edit(site, "later")
        assert [kept.next().slug, kept.next().slug] == ["after", "later"]
        with pytest.raises(InvalidCredentialsError):
            next(lost.client.events())
        # The iteration may learn it from the log, before the connection does.
        wait_until(lambda: lost.client.state.phase is Phase.REVOKED)
        assert lost.nothing()


def test_restarted_client_goes_on_where_it_stopped(road: Road, tmp_path: Path) -> None:
    site, key = road.site("A")
    cursor = tmp_path / "cursor.json"
    with following(road, site, key, cursor=cursor) as first:
        road.edit(site, "one")
        assert first.next().slug == "one"
    road.edit(site, "two")
    road.edit(site, "three")
    with following(road, site, key, cursor=cursor) as again:
        update = again.next()
        if update.slug == "one":  # at least once: it may have been closed before it noted this one
            update = again.next()
        assert [update.slug, again.next().slug] == ["two", "three"]


def test_client_may_begin_with_the_whole_history(road: Road) -> None:
    site, key = road.site("A")
    road.edit(site, "one")
    with following(road, site, key, start=0) as late:
        assert late.next().slug == "one"


def test_check_finds_the_road_open(road: Road) -> None:
    site, key = road.site("A")

    async def findings() -> list[bool | None]:
        return [finding.ok async for finding in check(config_of(road, site, key))]

    assert asyncio.run(findings()) == [True] * 6


def test_no_key_and_no_token_in_the_logs(road: Road, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    site, key = road.site("A")
    with following(road, site, key) as follower:
        road.edit(site, "one")
        follower.next()
    assert key not in caplog.text
    assert "eyJ" not in caplog.text
