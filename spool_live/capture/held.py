"""Whether an instance holds a value as the database stores it.

It does not where it holds an expression (``item.views = F("views") + 1``), a date given as text, or
a decimal with more places than its column. Then the row differs from the instance, and an update
must describe the row.
"""

from __future__ import annotations

import datetime
import decimal
import uuid
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

from django.conf import settings
from django.db import models
from django.db.models import Field, ForeignKey, GeneratedField

AnyField: TypeAlias = "Field[Any, Any]"
Accepts = Callable[[Any], bool]
"""Function that returns whether the database gives a value (not ``None``) back unchanged."""


class ColumnCheck(NamedTuple):
    """How to find out whether the database gives the values of one column back unchanged. It does
    for values of the type ``exact``, which takes no call to find out; ``accepts`` decides on all
    others."""

    exact: type | None
    accepts: Accepts


_CONVERSIONS = (
    "get_prep_value",
    "get_db_prep_value",
    "get_db_prep_save",
    "from_db_value",
    "get_placeholder",
    "get_placeholder_sql",
    "select_format",
)


def check_of(field: AnyField) -> ColumnCheck:
    """Return the check for the values of ``field``. Where a project's field class overrides a
    conversion, the check accepts no value, so that the row is always read back."""
    while isinstance(field, ForeignKey):
        field = field.target_field
    if isinstance(field, GeneratedField) and field.output_field is not None:
        field = field.output_field
    django_class = next(cls for cls in type(field).__mro__ if cls.__module__.startswith("django."))
    if any(
        getattr(type(field), name, None) is not getattr(django_class, name, None)
        for name in _CONVERSIONS
    ):
        return ColumnCheck(None, _never)
    for kind, exact, make in _CHECKS:
        if issubclass(django_class, kind):
            return ColumnCheck(exact, make(field))
    return ColumnCheck(None, _never)


def _never(value: Any) -> bool:
    """Accept no value: only the database knows what it stores."""
    return False


def _nothing_else(field: AnyField) -> Accepts:
    return _never


def _instance_of(*types: type) -> Callable[[AnyField], Accepts]:
    return lambda field: lambda value: isinstance(value, types)


def _number(field: AnyField) -> Accepts:
    return lambda value: isinstance(value, int) and value is not bool(value)


def _decimal(field: AnyField) -> Accepts:
    places = getattr(field, "decimal_places", None)

    def check(value: Any) -> bool:
        if type(value) is not decimal.Decimal:
            return False
        exponent = value.as_tuple().exponent
        return places is None or (isinstance(exponent, int) and exponent == -places)

    return check


def _moment(field: AnyField) -> Accepts:
    zone = datetime.UTC if settings.USE_TZ else None
    return lambda value: type(value) is datetime.datetime and value.tzinfo is zone


def _address(field: AnyField) -> Accepts:
    return lambda value: isinstance(value, str) and ":" not in value


def _document(field: AnyField) -> Accepts:
    return lambda value: not hasattr(value, "resolve_expression")


_CHECKS: tuple[tuple[type[Any], type | None, Callable[[AnyField], Accepts]], ...] = (
    (models.GenericIPAddressField, None, _address),
    (models.FileField, None, _document),
    (models.CharField, str, _instance_of(str)),
    (models.TextField, str, _instance_of(str)),
    (models.FilePathField, str, _instance_of(str)),
    (models.BooleanField, bool, _nothing_else),
    (models.IntegerField, int, _number),
    (models.FloatField, float, _nothing_else),
    (models.DecimalField, None, _decimal),
    (models.DateTimeField, None, _moment),
    (models.DateField, datetime.date, _nothing_else),
    (models.TimeField, datetime.time, _nothing_else),
    (models.DurationField, datetime.timedelta, _nothing_else),
    (models.UUIDField, uuid.UUID, _nothing_else),
    (models.BinaryField, bytes, _instance_of(bytes, memoryview)),
    (models.JSONField, None, _document),
)
