"""Databases and clean slates for the suite of the Django app."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest
from django.conf import settings
from django.core.cache import cache
from django.core.management import call_command
from django.db import connections
from pytest_django.plugin import DjangoDbBlocker

from spool_live import counts, heartbeats, keys, throttling, webhooks
from spool_live.broadcasters.memory import MemoryBroadcaster
from spool_live.deferred import DeferredWrites
from spool_live.delivery import mirror
from spool_live.keys import PlainKey, addresses, last_use
from spool_live.local.config import LocalSupabaseConfig
from spool_live.local.instance import LocalDatabase, local_database
from spool_live.local.server import serving_local_supabase
from spool_live.models import Counter, Site, SiteApiKey
from spool_live.outbox import wanted
from spool_live.signals import outbox_committed
from spool_live.status.snapshot import kept
from spool_live.supabase.databases import content_databases
from tests.first_connection import connect_once
from tests.leaks import pytest_runtest_makereport, watch
from tests.real_supabase import GivenDatabase, GivenSupabase

__all__ = ["pytest_runtest_makereport"]  # a hook, for pytest to find here

watch()
NEEDS = {
    "browser": ("SPOOL_LIVE_REQUIRE_BROWSER", "needs Chromium: run by tox run -e browser"),
    "next": ("SPOOL_LIVE_REQUIRE_NEXT", "starts a Next.js site: run by tox run -e next"),
    "node": ("SPOOL_LIVE_REQUIRE_NODE", "needs Node 22 or newer: run by tox run -e node"),
    "tutorial": ("SPOOL_LIVE_REQUIRE_TUTORIAL", "needs the wheel: run by tox run -e tutorial"),
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leaves out what needs more than Python, and says so; CI's environments require it."""
    for item in items:
        for marker, (variable, reason) in NEEDS.items():
            if item.get_closest_marker(marker) and not os.environ.get(variable):
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def suite_database() -> Iterator[LocalDatabase]:
    """The PostgreSQL that the settings point at, with Supabase's roles, running for the session."""
    config = settings.LOCAL_SUPABASE
    if isinstance(config, GivenSupabase):
        connect_once(config)
        yield cast("LocalDatabase", GivenDatabase(config))  # as far as tests use it
        return
    with local_database(config) as database:
        yield database
    shutil.rmtree(settings.STATE_DIR, ignore_errors=True)


@pytest.fixture(scope="session")
def django_db_setup(
    suite_database: LocalDatabase, django_db_blocker: DjangoDbBlocker
) -> Iterator[None]:
    """Migrates every alias of the session's databases, instead of making test databases."""
    with django_db_blocker.unblock():
        for alias in connections:
            call_command("migrate", database=alias, verbosity=0)
    yield
    with django_db_blocker.unblock():
        connections.close_all()


@pytest.fixture(scope="session")
def suite_supabase(
    suite_database: LocalDatabase, django_db_setup: None
) -> Iterator[LocalSupabaseConfig]:
    """The migrated database behind REST and Realtime, as the settings' ``SUPABASE_URL`` says."""
    if isinstance(settings.LOCAL_SUPABASE, GivenSupabase):
        yield settings.LOCAL_SUPABASE
        return
    with serving_local_supabase(suite_database) as config:
        yield config


@pytest.fixture(autouse=True)
def _empty_memory() -> Iterator[None]:
    yield
    MemoryBroadcaster.reset()


@pytest.fixture(autouse=True)
def _writes_of_requests(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Deferred writes wait for ``write_now`` instead of a thread outside the test's transaction;
    nobody is throttled for what another test did."""
    monkeypatch.setattr(DeferredWrites, "_start", lambda self: None)
    monkeypatch.setattr(webhooks.background.Sender, "wake", lambda self, using: None)
    yield
    last_use.uses.reset()
    addresses.addresses.reset()
    addresses._noted.clear()
    throttling.failure_log.reset()
    wanted.wishes.reset()
    throttling.counters.clear()
    cache.clear()


@pytest.fixture
def make_key(db: None) -> Callable[..., tuple[SiteApiKey, PlainKey]]:
    """Makes a key: of a new site unless ``site`` is given; ``ready`` if Supabase is to know it."""

    def make(
        site: Site | None = None, *, ready: bool = True, **options: Any
    ) -> tuple[SiteApiKey, PlainKey]:
        site = site or Site.objects.create(name="Ledger")
        key, plain = keys.create_key(site, **{"name": "front end", **options})
        if ready:
            mirror.mirror_pending("default", MemoryBroadcaster())
        return key, plain

    return make


@pytest.fixture(autouse=True)
def _nothing_known() -> None:
    """No process remembers a heartbeat or a status of another test."""
    heartbeats.forget()
    counts.forget()
    kept.forget()


@pytest.fixture
def nothing_counted(db: None) -> None:
    """The counters begin at nothing, whatever threads of earlier tests have written."""
    Counter.objects.all().delete()


@pytest.fixture
def alive(db: None) -> None:
    """A worker and a sweep were active just now, for every content database."""
    for using in content_databases():
        for part in (heartbeats.Part.WORKER, heartbeats.Part.SWEEP):
            heartbeats.beat(using, part)


@pytest.fixture
def live(settings: Any) -> Callable[..., None]:
    """Changes keys of ``SPOOL_LIVE`` for one test."""

    def change(**keys: Any) -> None:
        settings.SPOOL_LIVE = {**settings.SPOOL_LIVE, **keys}

    return change


@pytest.fixture
def notified_aliases() -> Iterator[list[str]]:
    """The aliases of which it was said, after a commit, that something waits there."""
    heard: list[str] = []

    def hear(using: str, **kwargs: Any) -> None:
        heard.append(using)

    outbox_committed.connect(hear)
    yield heard
    outbox_committed.disconnect(hear)
