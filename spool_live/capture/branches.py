"""The parent and the descendants of an item in a tree of treebeard or mptt, by its columns."""

from __future__ import annotations

import sys
from functools import cache
from typing import Any

from django.db.models import Model, QuerySet

_KINDS = {
    "path": ("treebeard.mp_tree", "MP_Node"),
    "sets": ("treebeard.ns_tree", "NS_Node"),
    "list": ("treebeard.al_tree", "AL_Node"),
    "mptt": ("mptt.models", "MPTTModel"),
}


@cache
def kind_of(model: type[Model]) -> str:
    """Return how ``model`` keeps its tree: ``"path"`` (materialized path), ``"sets"`` (nested
    sets), ``"list"`` (adjacency list), ``"mptt"``; empty where it is a tree of neither package."""
    for kind, (module, name) in _KINDS.items():
        base = getattr(sys.modules.get(module), name, None)
        if base is not None and issubclass(model, base):
            return kind
    return ""


def parent_of(row: Any, using: str) -> Any:
    """Return the primary key or tree path of the parent of ``row``; ``None`` at the root."""
    model: type[Model] = type(row)
    match kind_of(model):
        case "path":
            return row.path[: -row.steplen] or None
        case "list":
            return row.parent_id
        case "mptt":
            field = row._meta.get_field(_options(row).parent_attr)
            return field.value_from_object(row)
        case "sets":
            above = model._base_manager.using(using).filter(
                tree_id=row.tree_id, lft__lt=row.lft, rgt__gt=row.rgt
            )
            return above.order_by("-lft").values_list("pk", flat=True).first()
    return None


def descendants(model: type[Model], row: Any, using: str) -> QuerySet[Model] | list[Model]:
    """Return the rows below ``row``, top down."""
    rows: QuerySet[Model] = model._base_manager.using(using)
    match kind_of(row._meta.model):
        case "path":
            below = rows.filter(path__startswith=row.path, depth__gt=row.depth)
            return below.order_by("path")
        case "sets":
            below = rows.filter(tree_id=row.tree_id, lft__gt=row.lft, rgt__lt=row.rgt)
            return below.order_by("lft")
        case "mptt":
            meta = _options(row)
            left, right = getattr(row, meta.left_attr), getattr(row, meta.right_attr)
            below = rows.filter(
                **{
                    meta.tree_id_attr: getattr(row, meta.tree_id_attr),
                    f"{meta.left_attr}__gt": left,
                    f"{meta.right_attr}__lt": right,
                }
            )
            return below.order_by(meta.left_attr)
        case "list":
            return _level_by_level(rows, row)
    return []


def _options(row: Any) -> Any:
    """Return the options that mptt reads from ``MPTTMeta`` and keeps in ``_mptt_meta``."""
    return row._mptt_meta  # noqa: SLF001


def _level_by_level(rows: QuerySet[Model], row: Model) -> list[Model]:
    found: list[Model] = []
    level = [row.pk]
    while level:
        below = list(rows.filter(parent__in=level).order_by("pk"))
        found += below
        level = [item.pk for item in below]
    return found
