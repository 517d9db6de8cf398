"""Databases with the neighbours' tables, and the outbox in a form that reads well."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connections
from pytest_django.plugin import DjangoDbBlocker

from spool_live.models import OutboxEntry, Site

if os.environ.get("DJANGO_SETTINGS_MODULE") != "tests.neighbours.settings":
    collect_ignore_glob = ["*.py"]  # needs what tox -e neighbours installs


@pytest.fixture(scope="session")
def django_db_setup(suite_database: Any, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    with django_db_blocker.unblock():
        for alias in connections:
            call_command("migrate", database=alias, verbosity=0)
            call_command(
                "migrate", database=alias, verbosity=0, run_syncdb=True
            )  # has no migrations
    yield
    with django_db_blocker.unblock():
        connections.close_all()


class Walk:
    """What was recorded since the last look, as one line of text for each update."""

    def __init__(self) -> None:
        self._seen = 0

    def __call__(self) -> list[str]:
        entries = OutboxEntry.objects.filter(pk__gt=self._seen).order_by("pk")
        found = []
        for entry in entries:
            self._seen = entry.pk
            extra = [
                f"{name}={entry.metadata[name]}"
                for name in ("locale", "published", "previous_slug", "descendants")
                if name in entry.metadata
            ]
            event = entry.event_type.removeprefix("content.")
            found.append(" ".join([event, entry.collection, str(entry.slug), *extra]))
        return found


@pytest.fixture
def walk(db: None) -> Walk:
    return Walk()


@pytest.fixture
def site(db: None) -> Site:
    return Site.objects.create(name="Courier")
