"""The project's tables, and a tree of pages for two sites."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from django.core.management import call_command
from django.db import connections
from pytest_django.plugin import DjangoDbBlocker

from spool_live.local.instance import LocalDatabase

if os.environ.get("DJANGO_SETTINGS_MODULE") != "tests.contrib.wagtail.settings":
    collect_ignore_glob = ["*"]  # they need Wagtail: run by tox run -e wagtail
else:
    if not os.environ.get("SPOOL_LIVE_TEST_LOCALIZE"):
        collect_ignore = ["test_localize.py"]  # it replaces simple_translation

    from tests.contrib.wagtail.tree import Tree, find, plant

    @pytest.fixture(scope="session")
    def django_db_setup(
        suite_database: LocalDatabase, django_db_blocker: DjangoDbBlocker
    ) -> Iterator[None]:
        """Makes the tables and, once for all tests, the pages."""
        with django_db_blocker.unblock():
            call_command("migrate", verbosity=0, run_syncdb=True)
            plant()
        yield
        with django_db_blocker.unblock():
            connections.close_all()

    @pytest.fixture
    def tree(db: None) -> Tree:
        """Two sites with sections and articles, as they are before each test."""
        return find()
