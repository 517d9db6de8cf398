"""Routes of the API."""

from __future__ import annotations

from django.urls import path

from spool_live.api import views

urlpatterns = [
    path("token/", views.TokenView.as_view(), name="token"),
    path("updates/", views.UpdatesView.as_view(), name="updates"),
    path("site/", views.SiteView.as_view(), name="site"),
]
