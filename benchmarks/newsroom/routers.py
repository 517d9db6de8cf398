"""A router that keeps models with triggers off SQLite, as a project on PostgreSQL would."""

from __future__ import annotations

from typing import Any


class TriggersOnPostgreSQL:
    """The router for the models of the suite ``triggers``."""

    def allow_migrate(
        self, db: str, app_label: str, model_name: str | None = None, **hints: Any
    ) -> bool | None:
        """Return ``False`` for their tables on the alias ``sqlite``, and no opinion otherwise."""
        ours = app_label == "newsroom" and (model_name or "").endswith("triggerstory")
        return False if ours and db == "sqlite" else None
