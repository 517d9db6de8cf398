"""The site that an item belongs to, and the path from the item to it.

There are three ways: a path to a ``Site`` or its id; the one site of ``SPOOL_LIVE["SITE"]``, for
models without such a field; or a path to a ``Site`` of ``django.contrib.sites``, each of which has
a ``Site`` of this app (see ``spool_live.contrib.sites``).
"""

from __future__ import annotations

import uuid
from functools import cached_property
from typing import Any, cast

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist, ObjectDoesNotExist
from django.db import DEFAULT_DB_ALIAS
from django.db.models import ForeignKey, Model

from spool_live.collections import django_sites, one_site
from spool_live.conf import live_settings
from spool_live.models import Site


class Belonging:
    """The part of a ``LiveCollection`` that ``site_field`` and ``get_site()`` declare."""

    site_field: str = "site"
    """Dotted path from an item to a ``Site`` or to a site's id. Without such a field all items
    belong to the site that ``SPOOL_LIVE["SITE"]`` names."""
    model: type[Model]
    """The model whose items the collection reports; set by ``register``."""

    def get_site(self, item: Any) -> Site | uuid.UUID | str | None:
        """Return the ``Site`` that ``item`` belongs to, or its id. For ``None`` nothing is
        recorded."""
        return cast("Site | uuid.UUID | str | None", _follow(item, self.site_path))

    @cached_property
    def site_path(self) -> tuple[str, ...]:
        """The steps of ``site_field``. The last one is a column, so that no ``Site`` is fetched."""
        *relations, last = self.site_field.split(".")
        if not relations:
            try:
                field = self.model._meta.get_field(last)
            except FieldDoesNotExist:
                return (last,)
            if isinstance(field, ForeignKey):
                return (field.attname,)
        return (*relations, last)

    @cached_property
    def site_column(self) -> str | None:
        """The item's own column that holds the site's id; ``None`` where another row, a property or
        ``get_site`` determines the site."""
        if (
            self.is_of_one_site
            or len(self.site_path) > 1
            or type(self).get_site is not Belonging.get_site
        ):
            return None
        columns = {field.attname for field in self.model._meta.concrete_fields}
        return self.site_path[0] if self.site_path[0] in columns else None

    @cached_property
    def site_relations(self) -> str:
        """The foreign keys on the path to the site, as ``select_related()`` takes them."""
        model, followed = self.model, []
        for step in self.site_path[:-1]:
            try:
                field = model._meta.get_field(step)
            except FieldDoesNotExist:
                break
            if not isinstance(field, ForeignKey):
                break
            followed.append(field.name)
            model = field.related_model
        return "__".join(followed)

    @cached_property
    def is_of_one_site(self) -> bool:
        """Whether all items belong to the site that ``SPOOL_LIVE["SITE"]`` names: the collection
        overrides neither ``site_field`` nor ``get_site``, and the model has no such field."""
        own = type(self)
        if own.site_field != Belonging.site_field or own.get_site is not Belonging.get_site:
            return False
        has_field = hasattr(self.model, self.site_field)
        if self._ends_at_django_site:
            has_field = apps.is_installed(django_sites.APP)
        return bool(live_settings().site) and not has_field

    @cached_property
    def _ends_at_django_site(self) -> bool:
        model: Any = self.model
        for step in self.site_field.split("."):
            try:
                model = model._meta.get_field(step).related_model
            except FieldDoesNotExist:
                return False
            if model is None:
                return False
        return str(model._meta.label) == django_sites.LABEL

    def site_id_of(self, item: Model) -> uuid.UUID | None:
        """Return the id of the item's site, or ``None`` where it has none.

        Raises ``ValueError`` where the item names something that is not a site.
        """
        if self.is_of_one_site:
            return one_site.site_id(item._state.db or DEFAULT_DB_ALIAS)
        return self.to_site_id(
            getattr(item, self.site_column) if self.site_column else self.get_site(item)
        )

    def to_site_id(self, value: Any) -> uuid.UUID | None:
        """Return the id of the site that ``value`` stands for: a ``Site`` or an id, of this app or
        of ``django.contrib.sites``. Raises ``ValueError`` for anything else."""
        if isinstance(value, Site):
            value = value.pk
        if value is None or isinstance(value, uuid.UUID):
            return value
        if isinstance(value, Model) and value._meta.label == django_sites.LABEL:
            return django_sites.mapped(value.pk)
        if self._ends_at_django_site:
            return django_sites.mapped(value)
        return uuid.UUID(str(value))


def _follow(item: Any, path: tuple[str, ...]) -> Any:
    for step in path:
        if item is None:
            return None
        try:
            item = getattr(item, step)
        except ObjectDoesNotExist:
            return None
    return item
