"""Keeps what triggers capture off SQLite, as a project whose content is on PostgreSQL would."""

from __future__ import annotations

from typing import Any


class TriggersOnPostgreSQL:
    """Has an opinion on the models of the triggers' suite only."""

    def allow_migrate(
        self, db: str, app_label: str, model_name: str | None = None, **hints: Any
    ) -> bool | None:
        """``False`` for their tables on the alias ``sqlite``."""
        ours = app_label == "newsroom" and (model_name or "").endswith("triggerstory")
        return False if ours and db == "sqlite" else None
