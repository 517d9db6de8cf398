"""Databases with django CMS's tables, pages, and the outbox in a form that reads well."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connections
from pytest_django.plugin import DjangoDbBlocker

from spool_live.models import OutboxEntry

if os.environ.get("DJANGO_SETTINGS_MODULE") != "tests.djangocms.settings":
    collect_ignore_glob = ["*.py"]  # needs what tox -e djangocms installs


@pytest.fixture(scope="session")
def django_db_setup(suite_database: Any, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    with django_db_blocker.unblock():
        call_command("migrate", verbosity=0)
    yield
    with django_db_blocker.unblock():
        connections.close_all()


class Table:
    """What was recorded since the last look, as one line of text for each update."""

    SHOWN = ("published", "previous_slug", "previous_path", "descendants")

    def __init__(self) -> None:
        self._seen = 0

    def __call__(self) -> list[str]:
        found = []
        for entry in OutboxEntry.objects.filter(pk__gt=self._seen).order_by("pk"):
            self._seen = entry.pk
            metadata = entry.metadata
            extra = [f"{name}={metadata[name]}" for name in self.SHOWN if name in metadata]
            event = entry.event_type.removeprefix("content.")
            where = f"{metadata['locale']}:{metadata['path']}"
            found.append(" ".join([event, where, *extra]))
        return found


@pytest.fixture
def table(db: None) -> Table:
    return Table()
