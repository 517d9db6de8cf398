"""The admin, and the pages."""

from __future__ import annotations

from django.conf.urls.i18n import i18n_patterns
from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("spool-live/", include("spool_live.urls")),
    *i18n_patterns(path("", include("cms.urls"))),
]
