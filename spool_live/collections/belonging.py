"""Which site an item belongs to, and the way from the item to it."""

from __future__ import annotations

import uuid
from functools import cached_property
from typing import Any, cast

from django.core.exceptions import FieldDoesNotExist, ObjectDoesNotExist
from django.db.models import ForeignKey, Model

from spool_live.models import Site


class Belonging:
    """The part of a ``LiveCollection`` that ``site_field`` and ``get_site()`` declare."""

    site_field: str = "site"
    model: type[Model]

    def get_site(self, item: Any) -> Site | uuid.UUID | str | None:
        """The site that ``item`` belongs to, or its id; ``None`` where it belongs to none."""
        return cast("Site | uuid.UUID | str | None", _follow(item, self.site_path))

    @cached_property
    def site_path(self) -> tuple[str, ...]:
        """``site_field`` in steps; its last one is the column, so that no site is fetched."""
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
        ``get_site`` says it."""
        if len(self.site_path) > 1 or type(self).get_site is not Belonging.get_site:
            return None
        columns = {field.attname for field in self.model._meta.concrete_fields}
        return self.site_path[0] if self.site_path[0] in columns else None

    @cached_property
    def site_relations(self) -> str:
        """The foreign keys on the way to the site, as ``select_related()`` takes them."""
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

    def site_id_of(self, item: Model) -> uuid.UUID | None:
        """The id of the item's site, or ``None``.

        Raises ``ValueError`` for what is not a site id.
        """
        site = getattr(item, self.site_column) if self.site_column else self.get_site(item)
        if isinstance(site, Site):
            site = site.pk
        return site if site is None or isinstance(site, uuid.UUID) else uuid.UUID(str(site))


def _follow(item: Any, path: tuple[str, ...]) -> Any:
    for step in path:
        if item is None:
            return None
        try:
            item = getattr(item, step)
        except ObjectDoesNotExist:
            return None
    return item
