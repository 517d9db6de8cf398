"""Admin of what is written by machines, and who acts where people change something."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Model, OuterRef, QuerySet, Subquery
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from spool_live.admin.limited import LimitedToSites
from spool_live.keys.trail import Origin, acting
from spool_live.models import Site


class ReadOnlyAdmin(LimitedToSites):
    """To look at and nothing else."""

    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Never."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Never."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Never."""
        return False


class OfSiteAdmin(ReadOnlyAdmin):
    """Of rows that hold a site's id without a foreign key: they outlive it."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Each row with the name of its site."""
        name = Site.objects.filter(pk=OuterRef("site_id")).values("name")
        rows: QuerySet[Any] = super().get_queryset(request).annotate(site_name=Subquery(name))
        return rows

    @admin.display(description=_("site"), ordering="site_name")
    def site(self, row: Any) -> str:
        """The site's name; of a deleted one the id is left."""
        return str(row.site_name or row.site_id)


class ActingAdmin(LimitedToSites):
    """Says in the audit trail of keys that the user did it, in the admin."""

    def save_model(
        self, request: HttpRequest, obj: Any, form: ModelForm[Any], change: bool
    ) -> None:
        """Saves ``obj`` as an act of the user."""
        with acting(Origin.ADMIN, request.user):
            super().save_model(request, obj, form, change)

    def delete_model(self, request: HttpRequest, obj: Model) -> None:
        """Deletes ``obj`` as an act of the user."""
        with acting(Origin.ADMIN, request.user):
            super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Deletes many as an act of the user."""
        with acting(Origin.ADMIN, request.user):
            super().delete_queryset(request, queryset)
