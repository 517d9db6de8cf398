"""Limiting a user of the admin to their sites, as the setting ``SITES_FOR_USER`` says.

Every admin class of this app derives from ``LimitedToSites``: a user gets rows, choices of forms
and filters, autocompletion, actions and histories of their own sites only. ``_BELONGS`` says how
the rows of each model belong to sites; of a model that is not in it, a limited user sees nothing.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import get_fields_from_path
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest

from spool_live import access, status
from spool_live.models import (
    AlertEpisode,
    AlertNotice,
    ApiKeyEvent,
    ApiKeyUse,
    DeliveryAttempt,
    FailedAuthentication,
    IsolationReport,
    LiveUpdate,
    OperatorEvent,
    OutboxEntry,
    OutboxEvent,
    Site,
    SiteApiKey,
    SiteDelivery,
    SiteMirror,
    WebhookAttempt,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookMessage,
    WebhookSecret,
)

Ids = frozenset[uuid.UUID]
_SITES = "spool_live_sites"


def sites_seen(request: HttpRequest) -> Ids | None:
    """Return the ids of the sites that the user may see, ``None`` for all of them.

    The setting's callable is called once for each request.
    """
    if not hasattr(request, _SITES):
        setattr(request, _SITES, access.sites_of(request.user))
    found: Ids | None = getattr(request, _SITES)
    return found


def status_seen(request: HttpRequest) -> status.Status:
    """Return the state of the system as far as the user may know it."""
    ids = sites_seen(request)
    found = status.current()
    return found if ids is None else status.for_sites(found, ids)


def rows_seen(request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
    """Return those of ``rows`` that belong to sites of the user; all of them where the model is of
    another app."""
    ids = sites_seen(request)
    model = rows.model._meta.concrete_model
    if ids is None or model._meta.app_label != Site._meta.app_label:
        return rows
    belongs = _BELONGS.get(model)
    return rows.filter(belongs(ids)) if belongs else rows.none()


def _by(lookup: str) -> Callable[[Ids], Q]:
    return lambda ids: Q(**{f"{lookup}__in": ids})


def _episodes(lookup: str) -> Callable[[Ids], Q]:
    """Return a condition: the subject is one of the sites, or an endpoint of one of them.

    Episodes about the whole system are left out: their texts may name other sites.
    """

    def those(ids: Ids) -> Q:
        endpoints = WebhookEndpoint.objects.filter(site_id__in=ids).values_list("pk", flat=True)
        return Q(**{f"{lookup}__in": [str(one) for one in (*ids, *endpoints)]})

    return those


def _failures(ids: Ids) -> Q:
    """Return a condition: the prefix is that of a key of the sites, even of a deleted one.

    A failed authentication holds nothing else that shows which site it was meant for.
    """
    keys = SiteApiKey.objects.filter(site_id__in=ids).values("prefix")
    trail = ApiKeyEvent.objects.filter(site_id__in=ids).values("prefix")
    return Q(prefix__in=keys) | Q(prefix__in=trail)


_site, _endpoint = _by("site_id"), _by("endpoint__site_id")
_BELONGS: dict[type[Model], Callable[[Ids], Q]] = {
    AlertEpisode: _episodes("subject"),
    AlertNotice: _episodes("episode__subject"),
    ApiKeyEvent: _site,
    ApiKeyUse: _site,
    DeliveryAttempt: _site,
    FailedAuthentication: _failures,
    IsolationReport: lambda ids: Q(),  # its page leaves out everything that names a site
    LiveUpdate: _site,
    OperatorEvent: _site,
    OutboxEntry: _site,
    OutboxEvent: _site,
    Site: _by("pk"),
    SiteApiKey: _site,
    SiteDelivery: _site,
    SiteMirror: _site,
    WebhookAttempt: _endpoint,
    WebhookDelivery: _endpoint,
    WebhookEndpoint: _site,
    WebhookMessage: _endpoint,
    WebhookSecret: _endpoint,
}


class SeenRelatedFilter(admin.RelatedFieldListFilter):
    """Filter by a related object that offers only objects that the user may see."""

    def field_choices(
        self, field: Any, request: HttpRequest, model_admin: Any
    ) -> list[tuple[Any, Any]]:
        """Return ``(pk, text)`` of each object that the user may see."""
        rows = rows_seen(request, field.remote_field.model._default_manager.all())
        ordering = self.field_admin_ordering(field, request, model_admin)
        return [(row.pk, str(row)) for row in (rows.order_by(*ordering) if ordering else rows)]


class _Limited:
    """Limits the rows of a page or an inline, and the choices of its form."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Return the rows that the user may see."""
        return rows_seen(request, super().get_queryset(request))  # type: ignore[misc]

    def get_field_queryset(self, db: str | None, db_field: Any, request: HttpRequest) -> Any:
        """Return those choices of a foreign key that the user may see."""
        found = super().get_field_queryset(db, db_field, request)  # type: ignore[misc]
        if found is None:
            found = db_field.remote_field.model._default_manager.using(db)
        return rows_seen(request, found)


class LimitedInline(_Limited, admin.TabularInline):
    """An inline, limited to the rows that the user may see."""


class LimitedToSites(_Limited, admin.ModelAdmin):
    """An admin class, limited to the rows that the user may see."""

    def get_list_filter(self, request: HttpRequest) -> Any:
        """Return the filters; those by a related object offer what the user may see."""
        return [self._limited(one) for one in _all(super().get_list_filter(request))]

    def _limited(self, given: Any) -> Any:
        if not isinstance(given, str):
            return given
        is_relation = get_fields_from_path(self.model, given)[-1].is_relation
        return (given, SeenRelatedFilter) if is_relation else given


def _all(filters: Iterable[Any]) -> list[Any]:
    return list(filters)
