"""Lists without what ``verify_live`` makes, unless somebody asks for it."""

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


class _Probes(admin.SimpleListFilter):
    """Leaves out what is of probes, or shows it with the rest."""

    title = _("isolation probes")
    parameter_name = "probes"
    of_probes: dict[str, Any]

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the choice beside leaving them out."""
        return [(SHOWN, _("Shown"))]

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        """Say "Left out" where Django would say "All"."""
        first, *others = super().choices(changelist)
        yield {**first, "display": _("Left out")}
        yield from others

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return what is shown."""
        return queryset if self.value() == SHOWN else queryset.exclude(**self.of_probes)


class OfSites(_Probes):
    """For a list of sites."""

    of_probes = {"is_probe": True}


class OfKeys(_Probes):
    """For a list of API keys."""

    of_probes = {"site__is_probe": True}


class OfTrail(_Probes):
    """For the audit trail of keys."""

    of_probes = {"origin": Origin.PROBE}
