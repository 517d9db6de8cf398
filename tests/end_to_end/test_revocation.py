"""Revoking a key silences its live sockets, and no others, in both modes and in order."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from typing import Any

import httpx
import psycopg
import pytest
from django.conf import LazySettings
from django.db import connections
from realtime import AsyncRealtimeChannel
from supabase import AsyncClient

from spool_live import delivery, keys, outbox
from spool_live.conf import live_settings
from spool_live.delivery import mirror
from spool_live.exceptions import BroadcastUnavailable
from spool_live.models import Site, SiteApiKey, SiteDelivery
from spool_live.signals import outbox_committed
from tests.end_to_end.conftest import Road
from tests.end_to_end.listening import WAIT, Join, Listener, listening, table_changes
from tests.testapp.models import Article

logger = logging.getLogger(__name__)

REPLICATING = "Replication connection established"
SUBSCRIBED = "Subscribed to PostgreSQL"
BOUND = 1.0
"""Seconds from the commit of a revocation until its sockets are silent, with a worker running."""


def private(topic: str, asked: queue.Queue[float]) -> Join:
    """Joins a site's private topic and records when it gets ``reauthenticate``."""

    def join(client: AsyncClient, listener: Listener) -> AsyncRealtimeChannel:
        config: Any = {"config": {"private": True, "broadcast": {"replication_ready": True}}}
        channel = client.channel(topic, config)
        channel.on_broadcast("live_updates", listener.on_broadcast)  # type: ignore[arg-type]
        return channel.on_broadcast("reauthenticate", lambda _: asked.put(time.monotonic()))

    return join


@contextmanager
def worker() -> Iterator[None]:
    """Delivers as soon as something is committed, as a nudged Celery worker does."""
    wake, stop = threading.Event(), threading.Event()

    def on_commit(**kwargs: Any) -> None:
        wake.set()

    def work() -> None:
        while not stop.is_set():
            wake.wait()
            wake.clear()
            mirror.mirror_pending("default")
            delivery.deliver_pending("default")
        connections.close_all()

    outbox_committed.connect(on_commit, weak=False, dispatch_uid="test worker")
    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        wake.set()
        thread.join(WAIT)
        outbox_committed.disconnect(dispatch_uid="test worker")


@dataclass(frozen=True)
class FrontEnd:
    """A key of a site, and the token that was minted with it."""

    key: SiteApiKey
    plain: str
    token: dict[str, Any]

    @property
    def topic(self) -> str:
        return topic_of(self.token)

    def listening(self, join: Join) -> AbstractContextManager[Listener]:
        url, anon = self.token["supabase_url"], self.token["supabase_key"]
        return listening(url, anon, self.token["token"], join)


def two_front_ends(road: Road) -> tuple[Site, FrontEnd, FrontEnd]:
    """A site with two front ends: the first is to leave, the second stays."""
    site, plain = road.site("A")
    key = SiteApiKey.objects.get(site=site)
    second, second_plain = keys.create_key(site, name="second front end")
    mirror.mirror_pending("default")
    leaving = FrontEnd(key, plain, road.token(plain))
    return site, leaving, FrontEnd(second, second_plain, road.token(second_plain))


def write(site: Site, title: str) -> Article:
    return Article.objects.create(site=site, title=title, slug=title, status="published")


def sent_to(topic: str, road: Road) -> list[str]:
    """The events on a private topic, in the order of the log."""
    query = "select event from realtime.messages where topic = %s order by inserted_at, id"
    with psycopg.connect(road.supabase.conninfo("postgres")) as connection:
        return [event for (event,) in connection.execute(query, [topic])]


def topic_of(token: dict[str, Any]) -> str:
    topic: str = token["realtime"]["broadcast"]["topic"]
    return topic


def fails_at_once(road: Road, front_end: FrontEnd) -> None:
    """Neither token nor catch-up, from the moment of the revocation."""
    for method, path, credential in (
        ("POST", "token/", f"Api-Key {front_end.plain}"),
        ("GET", "updates/", f"Api-Key {front_end.plain}"),
        ("GET", "updates/", f"Bearer {front_end.token['token']}"),
    ):
        answer = httpx.request(
            method, f"{road.api_url}{path}", headers={"Authorization": credential}
        )
        assert answer.status_code == 401, path


def test_private_channel_of_a_revoked_key_is_silent_within_the_bound(
    road: Road, caplog: pytest.LogCaptureFixture
) -> None:
    site, leaving, staying = two_front_ends(road)
    asked_leaver: queue.Queue[float] = queue.Queue()
    asked_stayer: queue.Queue[float] = queue.Queue()
    with (
        leaving.listening(private(leaving.topic, asked_leaver)) as leaver,
        staying.listening(private(leaving.topic, asked_stayer)) as stayer,
    ):
        leaver.until_system(REPLICATING)
        stayer.until_system(REPLICATING)
        with worker():
            write(site, "before")
            assert leaver.next_update()["slug"] == "before"
            assert stayer.next_update()["slug"] == "before"

            revoked = time.monotonic()
            keys.revoke_key(leaving.key)
            write(site, "after")
            fails_at_once(road, leaving)
            silent_after = asked_leaver.get(timeout=WAIT) - revoked
            asked_stayer.get(timeout=WAIT)

            again = replace(staying, token=road.token(staying.plain))
            assert (again.token["epoch"], again.topic) == (2, f"site:{site.pk}:2")
            with again.listening(private(again.topic, queue.Queue())) as on_new:
                on_new.until_system(REPLICATING)
                headers = {"Authorization": f"Api-Key {staying.plain}"}
                missed = httpx.get(f"{road.api_url}updates/?after=1", headers=headers).json()
                assert [u["slug"] for u in missed["results"]] == ["after"]
                write(site, "later")
                assert on_new.next_update()["slug"] == "later"
        assert leaver.updates.empty()
        assert sent_to(leaving.topic, road) == ["live_updates", "reauthenticate"]
    with caplog.at_level(logging.INFO):
        logger.info("silent %.0f ms after the revocation", silent_after * 1000)
    assert silent_after < BOUND


def test_revoked_token_cannot_join_the_new_topic(road: Road) -> None:
    site, plain = road.site("A")
    token = road.token(plain)
    keys.revoke_key(SiteApiKey.objects.get(site=site))
    mirror.mirror_pending("default")
    for topic in (f"site:{site.pk}:2", topic_of(token)):
        join = private(topic, queue.Queue())
        with listening(token["supabase_url"], token["supabase_key"], token["token"], join) as on:
            assert "Unauthorized" in on.until_state("CHANNEL_ERROR")


def test_table_changes_of_a_revoked_key_are_silent_from_the_first_later_update(road: Road) -> None:
    site, leaving, staying = two_front_ends(road)
    changes = table_changes(str(site.pk))
    with (
        leaving.listening(changes) as leaver,
        staying.listening(changes) as stayer,
    ):
        leaver.until_system(SUBSCRIBED)
        stayer.until_system(SUBSCRIBED)
        road.edit(site, "before")
        assert leaver.next_update()["slug"] == "before"
        assert stayer.next_update()["slug"] == "before"
        keys.revoke_key(leaving.key)
        road.edit(site, "after")
        road.edit(site, "later")
        assert [stayer.next_update()["slug"] for _ in range(2)] == ["after", "later"]
        assert leaver.updates.empty()


@pytest.mark.parametrize("mode", ["broadcast", "postgres_changes"])
def test_revocation_while_supabase_is_away_comes_before_every_later_update(
    road: Road, settings: LazySettings, mode: str
) -> None:
    site, leaving, staying = two_front_ends(road)
    asked: queue.Queue[float] = queue.Queue()
    by_topic = mode == "broadcast"
    join = private(leaving.topic, asked) if by_topic else table_changes(str(site.pk))
    ready = REPLICATING if by_topic else SUBSCRIBED
    with (
        leaving.listening(join) as leaver,
        staying.listening(table_changes(str(site.pk))) as stayer,
    ):
        leaver.until_system(ready)
        stayer.until_system(SUBSCRIBED)
        road.edit(site, "before")
        assert leaver.next_update()["slug"] == "before"
        assert stayer.next_update()["slug"] == "before"

        here = settings.SPOOL_LIVE
        settings.SPOOL_LIVE = {**here, "SUPABASE_URL": "http://127.0.0.1:9", "RETRY_BASE": 0.01}
        write(site, "waiting before the revocation")
        keys.revoke_key(leaving.key)
        write(site, "after")
        with pytest.raises(BroadcastUnavailable):
            mirror.mirror_pending("default")
        assert delivery.deliver_pending("default").delivered == 0
        fails_at_once(road, leaving)

        settings.SPOOL_LIVE = here
        SiteDelivery.objects.filter(pk=site.pk).update(retry_at=None)
        assert delivery.deliver_pending("default").delivered == 2
        slugs = [stayer.next_update()["slug"] for _ in range(2)]
        assert slugs == ["waiting before the revocation", "after"]
        if by_topic:
            asked.get(timeout=WAIT)
            assert sent_to(leaving.topic, road) == ["live_updates", "reauthenticate"]
        assert leaver.updates.empty()
    page = outbox.catch_up("default", site.pk, after=0, limit=10)
    assert (len(page.results), page.epoch) == (3, 2)
    assert live_settings().supabase_url == leaving.token["supabase_url"]
