"""The API under test, and the admin."""

from __future__ import annotations

from django.contrib import admin
from django.urls import path

from benchmarks.urls import urlpatterns as api

urlpatterns = [*api, path("admin/", admin.site.urls)]
