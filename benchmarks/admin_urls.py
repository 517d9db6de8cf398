"""The admin, for the suite that opens its pages: the others measure the API alone."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("spool-live/", include("spool_live.urls")),
]
