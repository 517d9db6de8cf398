"""Routes of the API."""

from __future__ import annotations

from importlib.util import find_spec

from django.urls import path

from spool_live.api import monitoring, views

urlpatterns = [
    path("token/", views.TokenView.as_view(), name="token"),
    path("updates/", views.UpdatesView.as_view(), name="updates"),
    path("site/", views.SiteView.as_view(), name="site"),
    path("health/", monitoring.live, name="health"),
    path("health/ready/", monitoring.ready, name="ready"),
    path("health/status/", monitoring.status, name="status"),
    path("metrics/", monitoring.prometheus, name="metrics"),
]

if find_spec("drf_spectacular"):
    from spool_live.api import openapi

    described = {"routes": tuple(urlpatterns)}
    urlpatterns.append(path("schema/", openapi.schema, described, name="schema"))
