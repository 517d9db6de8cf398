"""The CMS as the subscribers see it: tokens and catch-up."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [path("spool-live/", include("spool_live.urls"))]
