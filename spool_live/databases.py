"""Which aliases hold content, and whether one of them is the Supabase database."""

from __future__ import annotations

from django.db import connections, router

from spool_live.conf import live_settings
from spool_live.models import OutboxEntry


def content_databases() -> list[str]:
    """Aliases that have an outbox: every one that the routers let our content tables onto."""
    settings = live_settings()
    return [
        alias
        for alias in connections
        if not (settings.has_separate_databases and alias == settings.supabase_database)
        and router.allow_migrate_model(alias, OutboxEntry)
    ]


def is_supabase_database(alias: str) -> bool:
    """Whether ``alias`` is the database that Supabase serves, as far as Django can be it."""
    settings = live_settings()
    return alias == settings.supabase_database and connections[alias].vendor == "postgresql"
