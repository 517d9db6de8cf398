"""The items whose many-to-many relations changed, from whichever side of the relation."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.db.models import ManyToManyField, Model

from spool_live.collections import LiveCollection


def m2m_fields_of(collection: LiveCollection) -> list[ManyToManyField[Any, Any]]:
    """Return the many-to-many fields whose change is an update of the collection's items; those of
    child models too."""
    models = [model for model in apps.get_models() if issubclass(model, collection.model)]
    fields = dict.fromkeys(field for model in models for field in model._meta.many_to_many)
    return [f for f in fields if collection.m2m_fields is None or f.name in collection.m2m_fields]


def changed_items(
    collection: LiveCollection,
    field: ManyToManyField[Any, Any],
    instance: Model,
    action: str,
    reverse: bool,
    pk_set: set[Any] | None,
    using: str,
) -> list[Model]:
    """Return the items that an ``m2m_changed`` signal reports as changed; none for actions that
    precede a change.

    ``instance`` is an item or, with ``reverse``, an object that items are related to; in a
    symmetrical relation it is both. After a ``clear`` the signal does not name the related objects,
    so their keys are read at ``pre_clear`` and kept.
    """
    others_too = reverse or field.remote_field.symmetrical
    cleared = f"spool_live_cleared_{collection.name}_{field.name}"
    if action == "pre_clear" and others_too:
        setattr(instance._state, cleared, _related_pks(field, instance, using))
    if not action.startswith("post_"):
        return []
    if action == "post_clear":
        pk_set = instance._state.__dict__.pop(cleared, set())
    changed: list[Model] = []
    if not reverse and isinstance(instance, collection.model):
        changed += [instance] if pk_set or action == "post_clear" else []
    if others_too and pk_set:
        others = collection.model._base_manager.using(using).filter(pk__in=pk_set)
        changed += (item for item in others.order_by("pk") if item not in changed)
    return changed


def _related_pks(field: ManyToManyField[Any, Any], other: Model, using: str) -> set[Any]:
    through: type[Model] = field.remote_field.through  # type: ignore[assignment] # set when loaded
    here, there = field.m2m_field_name(), field.m2m_reverse_field_name()
    rows = through._base_manager.using(using).filter(**{there: other.pk})
    return set(rows.values_list(f"{here}_id", flat=True))
