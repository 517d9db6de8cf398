"""``path("spool-live/", include("spool_live.urls"))``."""

from __future__ import annotations

from django.urls import URLPattern

app_name = "spool_live"

urlpatterns: list[URLPattern] = []
