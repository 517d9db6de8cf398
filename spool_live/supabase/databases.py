"""Which aliases hold content, and whether one of them is the Supabase database."""

from __future__ import annotations

from django.db import DEFAULT_DB_ALIAS, connections, router

from spool_live.conf import live_settings
from spool_live.models import OutboxEntry

_migrated: set[str] = set()
"""Aliases that are known to have the outbox, so that the database is asked once."""


def content_databases() -> list[str]:
    """Return the aliases that hold content, ``default`` first.

    The routers have to allow spool_live's tables there, and aliases other than ``default`` have to
    be migrated. So a project's other databases are left alone without a router.
    """
    settings = live_settings()
    return [
        alias
        for alias in sorted(connections, key=lambda alias: alias != DEFAULT_DB_ALIAS)
        if not (settings.has_separate_databases and alias == settings.supabase_database)
        and router.allow_migrate_model(alias, OutboxEntry)
        and (alias == DEFAULT_DB_ALIAS or _has_outbox(alias))
    ]


def is_supabase_database(alias: str, *, separate_only: bool = False) -> bool:
    """Return whether ``alias`` is the database that Supabase serves, and is PostgreSQL.

    With ``separate_only``, return false if it is the content database as well.
    """
    settings = live_settings()
    return (
        alias == settings.supabase_database
        and connections[alias].vendor == "postgresql"
        and (settings.has_separate_databases or not separate_only)
    )


def _has_outbox(alias: str) -> bool:
    if alias not in _migrated:
        tables = connections[alias].introspection.table_names()
        if OutboxEntry._meta.db_table in tables:
            _migrated.add(alias)
    return alias in _migrated
