"""Checks of scheduled publishing: moments are declared, and their fields have an index."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import CodeType
from typing import Any, cast

from django.apps import AppConfig
from django.core.checks import CheckMessage, Tags, Warning, register  # noqa: A004
from django.core.exceptions import FieldDoesNotExist
from django.db.models import DateField, Index, Model, Q

from spool_live.collections import LiveCollection, registry
from spool_live.conditions import faults, own_field

_CLOCKS = {"now", "today", "utcnow", "localtime", "localdate"}
_ORDERED = {"gt", "gte", "lt", "lte"}


@register(Tags.models)
def check_moments_are_indexed(
    app_configs: Sequence[AppConfig] | None, **kwargs: Any
) -> list[CheckMessage]:
    """Warn of moment fields without an index: the sweep searches them every few seconds."""
    return [
        Warning(
            f"{collection!r}: {name!r} has no index, and the sweep looks for moments to come.",
            hint=f"Give the field db_index=True, or the model an index that begins with {name!r}.",
            id="spool_live.W020",
        )
        for collection in registry
        for name in collection.moment_fields
        if not _is_indexed(collection.model, name)
    ]


@register(Tags.models)
def check_clocks(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Warn of states that depend on the clock: they change without a save to record."""
    return [
        Warning(
            f"{collection!r}: {name} depends on the clock. When that moment comes, the item is "
            "not saved, and nothing is recorded.",
            hint="Name the fields that hold the moments: published_from and published_until.",
            id="spool_live.W021",
        )
        for collection in registry
        for name in _clocks(collection)
    ]


def _clocks(collection: LiveCollection) -> Iterator[str]:
    if collection.moment_fields:
        return
    for method in ("is_published", "is_visible"):
        function = getattr(type(collection), method)
        own = function is not getattr(LiveCollection, method)
        if own and (code := getattr(function, "__code__", None)) and _reads_clock(code):
            yield f"{method}()"
    for attribute in ("published_when", "visible_when"):
        condition = getattr(collection, attribute) or Q()
        if not any(faults(condition, collection.model)) and _compares_dates(
            condition, collection.model
        ):
            yield attribute


def _reads_clock(code: CodeType) -> bool:
    inner = (const for const in code.co_consts if isinstance(const, CodeType))
    return not _CLOCKS.isdisjoint(code.co_names) or any(map(_reads_clock, inner))


def _compares_dates(condition: Q, model: type[Model]) -> bool:
    """Return whether a date is compared with one that was taken when the module was imported."""
    for child in condition.children:
        if isinstance(child, Q):
            found = _compares_dates(child, model)
        else:
            name, _, lookup = str(cast("tuple[str, Any]", child)[0]).partition("__")
            found = lookup in _ORDERED and isinstance(own_field(model, name), DateField)
        if found:
            return True
    return False


def _is_indexed(model: type[Model], name: str) -> bool:
    try:
        field = own_field(model, name)
    except FieldDoesNotExist:
        return True  # E015 reports it
    options = model._meta
    groups = [index.fields for index in options.indexes if isinstance(index, Index)]
    groups += [getattr(constraint, "fields", ()) for constraint in options.constraints]
    groups += options.unique_together
    firsts = {str(group[0]).removeprefix("-") for group in groups if group}
    return bool(getattr(field, "db_index", False)) or field.unique or field.name in firsts
