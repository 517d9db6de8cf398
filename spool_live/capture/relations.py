"""Whose many-to-many relations changed, told from either side of the relation."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import ManyToManyField, Model

from spool_live.collections import LiveCollection

_CLEARED = "spool_live_cleared"


def m2m_fields_of(collection: LiveCollection) -> list[ManyToManyField[Any, Any]]:
    """The many-to-many fields whose change is an update of the collection's items."""
    fields = collection.model._meta.many_to_many
    return [f for f in fields if collection.m2m_fields is None or f.name in collection.m2m_fields]


def changed_items(
    collection: LiveCollection,
    field: ManyToManyField[Any, Any],
    instance: Model,
    action: str,
    reverse: bool,
    pk_set: set[Any] | None,
    using: str,
) -> Iterable[Model]:
    """The items that this ``m2m_changed`` changed; none for the actions that precede a change.

    Clearing from the other side (``tag.articles.clear()``) names no items: they are noted before.
    """
    if not reverse:
        happened = action == "post_clear" or (action in ("post_add", "post_remove") and pk_set)
        return [instance] if happened else []
    if action == "pre_clear":
        setattr(instance._state, _CLEARED, _related_pks(field, instance, using))
        return []
    if action == "post_clear":
        pk_set = instance._state.__dict__.pop(_CLEARED, None)
    if action.startswith("post_") and pk_set:
        return collection.model._base_manager.using(using).filter(pk__in=pk_set).order_by("pk")
    return []


def _related_pks(field: ManyToManyField[Any, Any], other: Model, using: str) -> set[Any]:
    through: type[Model] = field.remote_field.through  # type: ignore[assignment] # set when loaded
    here, there = field.m2m_field_name(), field.m2m_reverse_field_name()
    rows = through._base_manager.using(using).filter(**{there: other.pk})
    return set(rows.values_list(f"{here}_id", flat=True))
