"""Bulk writes of API keys, as far as there may be any."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import models

if TYPE_CHECKING:
    from spool_live.models import SiteApiKey  # noqa: F401 - named in the base below


class ApiKeyQuerySet(models.QuerySet["SiteApiKey"]):
    """Refuses bulk writes of what decides a key's right: they would pass the mirror by."""

    def update(self, **kwargs: Any) -> int:
        """Raises ``TypeError`` for ``site``, ``revoked_at`` and ``expires_at``."""
        fields = {name.removesuffix("_id") for name in kwargs}
        if refused := sorted(fields & {"site", "revoked_at", "expires_at"}):
            raise TypeError(
                f"{', '.join(refused)} of API keys cannot be changed in bulk: Supabase would not "
                "hear of it. Use spool_live.keys.revoke_key, or save each key."
            )
        return super().update(**kwargs)

    def bulk_create(self, *args: Any, **kwargs: Any) -> Any:
        """Always raises ``TypeError``."""
        raise TypeError("API keys cannot be made in bulk: use spool_live.keys.create_key.")
