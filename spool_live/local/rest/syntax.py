"""The parsed parts of a query string, as values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class JsonStep:
    """One ``->key`` or ``->>key``; a key of digits is an index."""

    key: str
    as_text: bool


@dataclass(frozen=True)
class FieldRef:
    """A column, or a place inside a JSON column."""

    column: str
    path: tuple[JsonStep, ...] = ()

    @property
    def result_name(self) -> str:
        """The key of the field in the answer: the last name in the path that is not an index."""
        names = [self.column, *(step.key for step in self.path if not step.key.isdigit())]
        return names[-1]


@dataclass(frozen=True)
class Condition:
    """``field=[not.]operator.value``. A tuple of values belongs to ``in``."""

    field: FieldRef
    operator: str
    value: str | tuple[str, ...]
    negated: bool = False
    quantifier: Literal["", "any", "all"] = ""


@dataclass(frozen=True)
class Group:
    """``and(...)`` or ``or(...)``."""

    kind: Literal["and", "or"]
    members: tuple[Condition | Group, ...]
    negated: bool = False


@dataclass(frozen=True)
class Selected:
    """One item of ``select=``; no field means ``*``."""

    field: FieldRef | None
    alias: str | None = None
    cast: str | None = None


@dataclass(frozen=True)
class OrderTerm:
    """One item of ``order=``."""

    field: FieldRef
    descending: bool = False
    nulls: Literal["first", "last"] | None = None


@dataclass(frozen=True)
class Query:
    """A whole query string. ``arguments`` are those of a function, by name."""

    select: tuple[Selected, ...] = (Selected(None),)
    conditions: tuple[Condition | Group, ...] = ()
    order: tuple[OrderTerm, ...] = ()
    limit: int | None = None
    offset: int = 0
    columns: tuple[str, ...] | None = None
    on_conflict: tuple[str, ...] | None = None
    arguments: dict[str, str] = field(default_factory=dict)
