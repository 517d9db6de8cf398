"""The row as it was before a save: fetched where a collection compares, else only its site.

The site is noted when an instance is loaded, which costs no query: so a move to another site is
seen also where nothing else is compared.
"""

from __future__ import annotations

import copy
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import connections
from django.db.models import Model, QuerySet

from spool_live.collections import LiveCollection, registry

_ROW = "spool_live_row"
_SITE = "spool_live_site"


@dataclass(frozen=True, slots=True)
class KnownSite:
    """All that is known of the stored row: its site, and whether this save writes the column."""

    site_id: Any
    written: bool


def remember(
    sender: type[Model], instance: Model, using: str, collections: Iterable[LiveCollection]
) -> None:
    """Fetches the stored row of ``instance`` in one query, where one may exist and is needed.

    The row is locked (as the UPDATE that follows would), so that two editors' transitions cannot
    both be told from the same past.
    """
    instance._state.__dict__.pop(_ROW, None)
    needed = any(collection.compares_rows for collection in collections)
    if _may_be_stored(instance) and (needed or instance._state.adding):
        row = _locked(sender, collections, using).filter(pk=instance.pk).first()
        setattr(instance._state, _ROW, row)


def take(
    instance: Model, update_fields: Iterable[str] | None, collections: Iterable[LiveCollection]
) -> Model | KnownSite | None:
    """What :func:`remember` or the loading of ``instance`` noted; ``None`` for nothing."""
    row: Model | None = instance._state.__dict__.pop(_ROW, None)
    if row is not None:
        return row
    if _SITE not in instance._state.__dict__:
        return None
    column = _site_column(collections)
    site_id = instance._state.__dict__[_SITE]
    written = update_fields is None or column in {
        type(instance)._meta.get_field(name).attname  # type: ignore[union-attr]
        for name in update_fields
    }
    if written:
        setattr(instance._state, _SITE, instance.__dict__.get(column or "", site_id))
    return KnownSite(site_id, written)


def as_stored(
    instance: Model, row: Model | KnownSite | None, update_fields: Iterable[str] | None
) -> Model:
    """``instance`` as the database has it after the save.

    With ``update_fields`` (Django also passes them where fields are deferred) that is the stored
    row with these fields laid over it: what else is set in memory was not saved.
    """
    if update_fields is None or not isinstance(row, Model):
        return instance
    item = copy.copy(row)
    item._state = copy.copy(row._state)
    item._state.fields_cache = {}
    for name in update_fields:
        field = type(instance)._meta.get_field(name)
        setattr(item, field.attname, getattr(instance, field.attname))  # type: ignore[union-attr]
    return item


def remember_site(sender: type[Model], instance: Model, **kwargs: Any) -> None:
    """Receiver of ``post_init``: notes the site that ``instance`` was loaded with."""
    column = _site_column(registry.of_model(sender))
    if column in instance.__dict__:
        setattr(instance._state, _SITE, instance.__dict__[column])


def _site_column(collections: Iterable[LiveCollection]) -> str | None:
    for collection in collections:
        if not collection.compares_rows:
            return collection.site_path[0]
    return None


def _may_be_stored(instance: Model) -> bool:
    # Django inserts without asking where the primary key has a default and the instance is new.
    has_default = instance._meta.pk.has_default()
    return instance.pk is not None and not (instance._state.adding and has_default)


def _locked(
    sender: type[Model], collections: Iterable[LiveCollection], using: str
) -> QuerySet[Model]:
    model = sender._meta.concrete_model or sender
    rows: QuerySet[Model] = model._base_manager.using(using)
    remote = ["__".join(c.site_path[:-1]) for c in collections if len(c.site_path) > 1]
    if remote:
        rows = rows.select_related(*remote)
    features = connections[using].features
    if features.has_select_for_update_of and connections[using].in_atomic_block:
        rows = rows.select_for_update(of=("self",), no_key=features.has_select_for_no_key_update)
    return rows


def site_uuid(value: Any) -> uuid.UUID | None:
    """A site column's value as a UUID."""
    return value if value is None or isinstance(value, uuid.UUID) else uuid.UUID(str(value))
