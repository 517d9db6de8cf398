"""The URLs of the API, for ``path("spool-live/", include("spool_live.urls"))``."""

from __future__ import annotations

from spool_live.api.urls import urlpatterns

app_name = "spool_live"

__all__ = ["app_name", "urlpatterns"]
