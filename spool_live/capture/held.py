"""Whether an object holds a value as the database stores it.

``item.views = F("views") + 1``, a date given as text, a decimal with more places than its column:
the row then says something else than the object, and an update must follow the row.
"""

from __future__ import annotations

import datetime
import decimal
import uuid
from collections.abc import Callable
from typing import Any, TypeAlias

from django.conf import settings
from django.db import models
from django.db.models import Field, ForeignKey, GeneratedField

AnyField: TypeAlias = "Field[Any, Any]"
Check = Callable[[Any], bool]
"""Whether a value (not ``None``) comes back from the database as it is."""

_CONVERSIONS = (
    "get_prep_value",
    "get_db_prep_value",
    "get_db_prep_save",
    "from_db_value",
    "get_placeholder",
    "get_placeholder_sql",
    "select_format",
)


def check_of(field: AnyField) -> Check:
    """Return the check for the values of ``field``. A field with conversions of its own is trusted
    with nothing: whatever it stores is read back."""
    while isinstance(field, ForeignKey):
        field = field.target_field
    if isinstance(field, GeneratedField) and field.output_field is not None:
        field = field.output_field
    django_class = next(cls for cls in type(field).__mro__ if cls.__module__.startswith("django."))
    if any(
        getattr(type(field), name, None) is not getattr(django_class, name, None)
        for name in _CONVERSIONS
    ):
        return never
    for kind, make in _CHECKS:
        if issubclass(django_class, kind):
            return make(field)
    return never


def never(value: Any) -> bool:
    """For fields whose stored values nobody but the database knows."""
    return False


def _of_type(*types: type) -> Callable[[AnyField], Check]:
    exact = frozenset(types)
    return lambda field: lambda value: type(value) in exact


def _instance_of(*types: type) -> Callable[[AnyField], Check]:
    return lambda field: lambda value: isinstance(value, types)


def _number(field: AnyField) -> Check:
    return lambda value: type(value) is int or (isinstance(value, int) and value is not bool(value))


def _decimal(field: AnyField) -> Check:
    places = getattr(field, "decimal_places", None)

    def check(value: Any) -> bool:
        if type(value) is not decimal.Decimal:
            return False
        exponent = value.as_tuple().exponent
        return places is None or (isinstance(exponent, int) and exponent == -places)

    return check


def _moment(field: AnyField) -> Check:
    zone = datetime.UTC if settings.USE_TZ else None
    return lambda value: type(value) is datetime.datetime and value.tzinfo is zone


def _address(field: AnyField) -> Check:
    return lambda value: isinstance(value, str) and ":" not in value


def _document(field: AnyField) -> Check:
    return lambda value: not hasattr(value, "resolve_expression")


_CHECKS: tuple[tuple[type[Any], Callable[[AnyField], Check]], ...] = (
    (models.GenericIPAddressField, _address),
    (models.FileField, _document),
    (models.CharField, _instance_of(str)),
    (models.TextField, _instance_of(str)),
    (models.FilePathField, _instance_of(str)),
    (models.BooleanField, _of_type(bool)),
    (models.IntegerField, _number),
    (models.FloatField, _of_type(float)),
    (models.DecimalField, _decimal),
    (models.DateTimeField, _moment),
    (models.DateField, _of_type(datetime.date)),
    (models.TimeField, _of_type(datetime.time)),
    (models.DurationField, _of_type(datetime.timedelta)),
    (models.UUIDField, _of_type(uuid.UUID)),
    (models.BinaryField, _instance_of(bytes, memoryview)),
    (models.JSONField, _document),
)
