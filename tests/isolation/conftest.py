"""Databases to break: everything happens in one transaction of a superuser, and is rolled back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import pytest
from django.conf import settings
from django.db import connections, transaction
from pytest_django.plugin import DjangoDbBlocker

from spool_live.conf import live_settings
from spool_live.isolation import Report, verify

verification = import_module("spool_live.isolation.verify")
SUPERUSER_ALIAS = "superuser"
MIGRATOR = "postgres"


@contextmanager
def database_alias(alias: str, **changes: Any) -> Iterator[None]:
    """Point ``alias`` at the suite's PostgreSQL with ``changes``, while the block runs."""
    given = {**settings.DATABASES[live_settings().supabase_database], **changes}
    before = connections.databases.get(alias)
    if before is not None:
        connections[alias].close()
        del connections[alias]
    connections.databases[alias] = connections.configure_settings({"default": {}, alias: given})[
        alias
    ]
    try:
        yield
    finally:
        connections[alias].close()
        del connections[alias]
        if before is None:
            del connections.databases[alias]
        else:
            connections.databases[alias] = before


class Superuser:
    """A database as its superuser, inside a transaction."""

    def __init__(self, alias: str) -> None:
        self.alias = alias

    def execute(self, *statements: str) -> None:
        """Run the statements as the superuser."""
        with connections[self.alias].cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    @contextmanager
    def as_migrator(self, role: str = MIGRATOR) -> Iterator[None]:
        """Run the block with the rights of the migrating role only."""
        self.execute(f"set session authorization {role}")
        yield
        self.execute("reset session authorization")

    def verify(self, **options: Any) -> Report:
        """Return the report of a verification as the migrating role."""
        with self.as_migrator():
            return verify(self.alias, **options)

    def audit(self) -> Report:
        """Return the report of the audits alone: enough, and faster, where no attack is needed."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(verification, "attack_stages", lambda *args, **options: iter(()))
            return self.verify()


@pytest.fixture(scope="package")
def _database(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Access to the suite's database, which nothing here changes permanently."""
    with django_db_blocker.unblock():
        yield


@pytest.fixture
def alias(_database: None) -> str:
    """The alias of the Supabase database, as the migrating role has it."""
    return live_settings().supabase_database


@pytest.fixture(scope="package")
def _superuser_alias(_database: None) -> Iterator[str]:
    with database_alias(SUPERUSER_ALIAS, USER="supabase_admin"):
        yield SUPERUSER_ALIAS


@pytest.fixture
def superuser(_superuser_alias: str) -> Iterator[Superuser]:
    """A clean database to break, as its superuser."""
    with transaction.atomic(using=_superuser_alias):
        database = Superuser(_superuser_alias)
        yield database
        transaction.set_rollback(True, using=_superuser_alias)
