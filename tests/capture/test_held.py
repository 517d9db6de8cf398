"""Which values of an object are as the database stores them, by the kind of their column."""

from __future__ import annotations

import datetime
import uuid
from decimal import Decimal
from typing import Any

import pytest
from django.db import models
from django.db.models import F, Value
from django.utils.safestring import SafeString

from spool_live.capture.held import AnyField, check_of

DAY = datetime.date(2026, 11, 1)
MOMENT = datetime.datetime(2026, 11, 1, 12, tzinfo=datetime.UTC)
ELSEWHERE = MOMENT.astimezone(datetime.timezone(datetime.timedelta(hours=1)))


class Shouting(models.CharField):  # type: ignore[type-arg]
    def get_prep_value(self, value: Any) -> Any:
        return str(value).upper()


def is_held(field: AnyField, value: Any) -> bool:
    exact, accepts = check_of(field)
    return type(value) is exact or accepts(value)


@pytest.mark.parametrize(
    ("field", "held", "read_back"),
    [
        (models.CharField(), ["a", SafeString("a")], [1, F("slug"), b"a"]),
        (models.TextField(), ["a"], [1, Value("a")]),
        (models.SlugField(), ["a"], [0]),
        (models.BooleanField(), [True, False], [1, 0, "on", F("flag")]),
        (models.IntegerField(), [1, 2**40], [True, "1", 1.0, F("views") + 1]),
        (models.FloatField(), [1.5], [1, "1.5", Decimal("1.5")]),
        (models.DecimalField(decimal_places=2, max_digits=5), [Decimal("1.50")],
         [Decimal("1.5"), Decimal("NaN"), 1.5, "1.50"]),
        (models.DateField(), [DAY], [MOMENT, "2026-11-01"]),
        (models.DateTimeField(), [MOMENT], [DAY, ELSEWHERE, MOMENT.replace(tzinfo=None), "now"]),
        (models.TimeField(), [datetime.time(12)], ["12:00", MOMENT]),
        (models.DurationField(), [datetime.timedelta(1)], [86400, "1 00:00:00"]),
        (models.UUIDField(), [uuid.UUID(int=1)], [str(uuid.UUID(int=1)), 1]),
        (models.BinaryField(), [b"a", memoryview(b"a")], ["a", F("blob")]),
        (models.GenericIPAddressField(), ["10.0.0.1"], ["2001:DB8::1", 1]),
        (models.JSONField(), [{"a": 1}, [1], "a"], [F("document")]),
        (Shouting(), [], ["a"]),
    ],
    ids=lambda given: type(given).__name__ if isinstance(given, models.Field) else "",
)  # fmt: skip
def test_value_is_held_or_read_back(field: AnyField, held: list[Any], read_back: list[Any]) -> None:
    assert [value for value in held if not is_held(field, value)] == []
    assert [value for value in read_back if is_held(field, value)] == []
