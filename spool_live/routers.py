"""Database router for projects whose Supabase database is not their content database.

``DATABASE_ROUTERS = ["spool_live.routers.LiveUpdatesRouter"]``
"""

from __future__ import annotations

from typing import Any

from django.db.models import Model

from spool_live.conf import live_settings

APP_LABEL = "spool_live"
LIVE_MODEL = "liveupdate"


class LiveUpdatesRouter:
    """A router that sends the live table to the Supabase database, if that is an alias of its own.

    Tables of other apps, and the content tables of this one, are kept off that alias. If
    ``SPOOL_LIVE["SUPABASE_DATABASE"]`` is the content database, every answer is ``None``.
    """

    def db_for_read(self, model: type[Model], **hints: Any) -> str | None:
        """Return the alias to read ``model`` from, or ``None`` for no opinion."""
        return self._alias_of(model)

    def db_for_write(self, model: type[Model], **hints: Any) -> str | None:
        """Return the alias to write ``model`` to, or ``None`` for no opinion."""
        return self._alias_of(model)

    def allow_migrate(
        self, db: str, app_label: str, model_name: str | None = None, **hints: Any
    ) -> bool | None:
        """Return whether a migration operation may run on ``db``; ``None`` for no opinion."""
        settings = live_settings()
        if not settings.has_separate_databases:
            return None
        ours = app_label == APP_LABEL
        if db == settings.supabase_database:
            return ours and (model_name is None or model_name == LIVE_MODEL)
        return False if ours and model_name == LIVE_MODEL else None

    def _alias_of(self, model: type[Model]) -> str | None:
        settings = live_settings()
        if model._meta.app_label != APP_LABEL or not settings.has_separate_databases:
            return None
        if model._meta.model_name == LIVE_MODEL:
            return settings.supabase_database
        return None
