"""Databases and clean slates for the suite of the Django app."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connections
from pytest_django.plugin import DjangoDbBlocker

from spool_live.broadcasters.memory import MemoryBroadcaster
from spool_live.local.config import LocalSupabaseConfig
from spool_live.local.instance import LocalDatabase, local_database
from spool_live.local.server import serving_local_supabase


@pytest.fixture(scope="session")
def suite_database() -> Iterator[LocalDatabase]:
    """The PostgreSQL that the settings point at, with Supabase's roles, running for the session."""
    with local_database(settings.LOCAL_SUPABASE) as database:
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
    with serving_local_supabase(suite_database) as config:
        yield config


@pytest.fixture(autouse=True)
def _empty_memory() -> Iterator[None]:
    yield
    MemoryBroadcaster.reset()
