"""Conditions on an item's own columns, as a ``Q``: they hold in Python as they do in PostgreSQL.

So a publish state is declared once, and means the same to the receivers of signals, to the audit,
and to a trigger in the database.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, cast

from django.core.exceptions import FieldDoesNotExist
from django.db.models import Field, Model, Q

_Comparison = tuple[str, Any]
_CONNECTORS: dict[str, Callable[[Iterable[bool]], bool]] = {
    Q.AND: all,
    Q.OR: any,
    Q.XOR: lambda answers: sum(answers) % 2 == 1,
}
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "exact": lambda value, given: bool(value == given),
    "in": lambda value, given: value is not None and value in given,
    "isnull": lambda value, given: (value is None) is given,
    "gt": lambda value, given: value is not None and value > given,
    "gte": lambda value, given: value is not None and value >= given,
    "lt": lambda value, given: value is not None and value < given,
    "lte": lambda value, given: value is not None and value <= given,
}
_ORDERED = {"gt", "gte", "lt", "lte"}
_TEXT = {"CharField", "SlugField", "TextField"}
"""PostgreSQL orders text by its collation, Python by code points."""


def holds(condition: Q, item: Model) -> bool:
    """Return whether ``condition`` is true of ``item`` as it is in memory. No query."""
    if not condition.children:
        return True
    answers = [
        holds(child, item) if isinstance(child, Q) else _is_true(item, *cast("_Comparison", child))
        for child in condition.children
    ]
    return _CONNECTORS[condition.connector](answers) != condition.negated


def faults(condition: Q, model: type[Model]) -> Iterator[str]:
    """Yield, as text, each part of ``condition`` that cannot be evaluated on an item of
    ``model``."""
    for child in condition.children:
        if isinstance(child, Q):
            yield from faults(child, model)
        elif not isinstance(child, tuple):
            yield f"{child!r} is not a comparison of a field with a value"
        else:
            yield from _faults(model, *child)


def fields_of(condition: Q, model: type[Model]) -> Iterator[Field[Any, Any]]:
    """Yield the columns that ``condition`` reads. It must have no ``faults``."""
    for child in condition.children:
        if isinstance(child, Q):
            yield from fields_of(child, model)
        else:
            yield own_field(model, cast("_Comparison", child)[0].partition("__")[0])


def own_field(model: type[Model], name: str) -> Field[Any, Any]:
    """Return the column of ``model`` that ``name`` (a field's name, its attname or ``pk``) means.

    Raises ``FieldDoesNotExist`` for what is not a column of the model's own or its parents' tables.
    """
    field = model._meta.pk if name == "pk" else model._meta.get_field(name)
    if not isinstance(field, Field) or field.column is None:
        raise FieldDoesNotExist(f"{model._meta.label} has no column {name!r}")
    return field


def _is_true(item: Model, path: str, given: Any) -> bool:
    name, _, lookup = path.partition("__")
    field = own_field(type(item), name)
    value = field.to_python(getattr(item, field.attname))
    return _COMPARISONS[lookup or "exact"](value, _as_python(field, lookup, given))


def _as_python(field: Field[Any, Any], lookup: str, given: Any) -> Any:
    if lookup == "isnull":
        return given
    if lookup == "in":
        return [_as_python(field, "", one) for one in given]
    return field.to_python(given.pk if isinstance(given, Model) else given)


def _faults(model: type[Model], path: str, given: Any) -> Iterator[str]:
    name, _, lookup = path.partition("__")
    try:
        field = own_field(model, name)
    except FieldDoesNotExist:
        yield f"{name!r} is not a column of {model._meta.label}"
        return
    if (lookup or "exact") not in _COMPARISONS:
        yield f"{path!r}: only {', '.join(_COMPARISONS)} on the item's own columns are supported"
    elif lookup in _ORDERED and field.get_internal_type() in _TEXT:
        yield f"{path!r}: text is ordered differently by PostgreSQL and Python"
    elif hasattr(given, "resolve_expression"):
        yield f"{path!r}: compare with a plain value, not with {given!r}"
