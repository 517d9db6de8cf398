"""Filters that leave out what ``verify_live`` creates, unless a user asks to see it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from spool_live.keys.trail import Origin

SHOWN = "1"
"""The value of the URL's parameter ``probes`` that shows it."""


class _ProbesFilter(admin.SimpleListFilter):
    """Filter that leaves out what belongs to isolation probes, or shows it with the rest."""

    title = _("isolation probes")
    parameter_name = "probes"
    of_probes: dict[str, Any]

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the one choice beside the default, which leaves them out."""
        return [(SHOWN, _("Shown"))]

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        """Return the choices, with "Left out" where Django says "All"."""
        first, *others = super().choices(changelist)
        yield {**first, "display": _("Left out")}
        yield from others

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the rows to show."""
        return queryset if self.value() == SHOWN else queryset.exclude(**self.of_probes)


class SiteProbesFilter(_ProbesFilter):
    """Filter for a list of sites."""

    of_probes = {"is_probe": True}


class KeyProbesFilter(_ProbesFilter):
    """Filter for a list of API keys."""

    of_probes = {"site__is_probe": True}


class TrailProbesFilter(_ProbesFilter):
    """Filter for the audit trail of keys."""

    of_probes = {"origin": Origin.PROBE}
