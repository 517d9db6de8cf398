"""Databases to break: everything happens in one transaction of a superuser, and is rolled back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.conf import settings
from django.db import connections, transaction
from pytest_django.plugin import DjangoDbBlocker

from spool_live.conf import live_settings
from spool_live.isolation import Report, verify

SUPERUSER_ALIAS = "superuser"
MIGRATOR = "postgres"

Break = Callable[..., Any]


@contextmanager
def database_alias(alias: str, **changes: Any) -> Iterator[None]:
    """Points ``alias`` at the suite's PostgreSQL with ``changes``, while the block runs."""
    given = {**settings.DATABASES[live_settings().supabase_database], **changes}
    complete = connections.configure_settings({"default": {}, alias: given})[alias]
    before = connections.databases.get(alias)
    connections[alias].close() if before else None
    connections.databases[alias] = complete
    if before:
        del connections[alias]
    try:
        yield
    finally:
        connections[alias].close()
        del connections[alias]
        del connections.databases[alias]
        if before:
            connections.databases[alias] = before


class Superuser:
    """The suite's database as its superuser, in a transaction that is rolled back."""

    alias = SUPERUSER_ALIAS

    def execute(self, *statements: str) -> None:
        """Runs the statements as the superuser."""
        with connections[self.alias].cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    @contextmanager
    def as_migrator(self) -> Iterator[None]:
        """The block runs with the rights of the migrating role and no more."""
        self.execute(f"set session authorization {MIGRATOR}")
        yield
        self.execute("reset session authorization")

    def verify(self, **options: Any) -> Report:
        """What verification as the migrating role says of the database as it is now."""
        with self.as_migrator():
            return verify(self.alias, **options)


@pytest.fixture(scope="module")
def superuser_alias(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    """The alias of the suite's database as its superuser."""
    with django_db_blocker.unblock(), database_alias(SUPERUSER_ALIAS, USER="supabase_admin"):
        yield SUPERUSER_ALIAS


@pytest.fixture
def superuser(superuser_alias: str) -> Iterator[Superuser]:
    """A clean database to break: the warning that a default publication earns is healed."""
    with transaction.atomic(using=superuser_alias):
        database = Superuser()
        database.execute("alter publication supabase_realtime set (publish = 'insert')")
        yield database
        transaction.set_rollback(True, using=superuser_alias)
