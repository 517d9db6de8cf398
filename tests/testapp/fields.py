"""Fields that store something else than the object holds."""

from __future__ import annotations

from typing import Any

from django.db import models


class LowercaseField(models.CharField):  # type: ignore[type-arg]
    """Stores its text in lower case."""

    def get_prep_value(self, value: Any) -> Any:
        prepared = super().get_prep_value(value)
        return prepared.lower() if isinstance(prepared, str) else prepared


class WordsField(models.CharField):  # type: ignore[type-arg]
    """A list of words, stored as a text."""

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        return value.split() if isinstance(value, str) else value

    def to_python(self, value: Any) -> Any:
        return value.split() if isinstance(value, str) else value

    def get_prep_value(self, value: Any) -> Any:
        return " ".join(map(str, value)) if isinstance(value, (list, tuple)) else value
