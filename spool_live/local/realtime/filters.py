"""Parse a ``postgres_changes`` binding: event, table, filters and columns.

Grammar of a filter: ``column=operator.value``, several joined by commas (all must hold), ``not.``
before the operator negates, values may be double-quoted. Source: Realtime's subscription
parameters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from spool_live.local.realtime.terms import inspect_term

OPERATORS: Final = frozenset(
    {"eq", "neq", "lt", "lte", "gt", "gte", "in", "is", "isdistinct"}
    | {"like", "ilike", "match", "imatch"}
)
_EVENTS: Final = frozenset(("INSERT", "UPDATE", "DELETE"))
_NO_PARAMETERS = (
    "No subscription params provided."
    " Please provide at least a `schema` or `table` to subscribe to: "
)
_SELECT_IS_NOT_A_LIST = (
    "Error parsing `select` params: expected a list of column name strings,"
    ' e.g. select: ["col1", "col2"]'
)
_SELECT_ON_WILDCARD = (
    "Column selection is not supported for wildcard subscriptions."
    " Provide an explicit schema and table name."
)


class BindingError(ValueError):
    """A binding that cannot be parsed; the message goes to the client."""


@dataclass(frozen=True, slots=True)
class ChangeFilter:
    """One filter: ``column operator value``, the value as text for PostgreSQL to cast."""

    column: str
    operator: str
    value: str
    negate: bool = False

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Selection:
    """A parsed binding. ``schema`` and ``table`` may be ``*``."""

    event: str
    schema: str
    table: str
    conditions: tuple[ChangeFilter, ...] = ()
    columns: tuple[str, ...] | None = None

    def wants(self, action: str) -> bool:
        """Return whether the binding covers ``INSERT``, ``UPDATE`` or ``DELETE``."""
        return self.event in ("*", action)

    def describe(self) -> str:
        """Return the form in which the server's error messages repeat the parameters."""
        conditions = [(c.column, c.operator, c.value, c.negate) for c in self.conditions]
        columns = None if self.columns is None else list(self.columns)
        return (
            f"event: {self.event}, schema: {self.schema}, table: {self.table},"
            f" filters: {inspect_term(conditions)}, select: {inspect_term(columns)}"
        )


def parse_binding(params: Mapping[str, Any]) -> Selection:
    """Read one entry of ``config.postgres_changes``. Raises ``BindingError``."""
    columns = _columns(params)
    schema, table, text = (params.get(name) for name in ("schema", "table", "filter"))
    match (schema, table, "filter" in params):
        case (str(), str(), _) if text is None or isinstance(text, str):
            conditions = _conditions(text or "")
        case (str(), None, False):
            table, conditions = "*", ()
        case (None, str(), False):
            schema, conditions = "public", ()
        case _:
            given = {name: value for name, value in params.items() if name != "id"}
            raise BindingError(_NO_PARAMETERS + inspect_term(given))
    if columns is not None and "*" in (schema, table):
        raise BindingError(_SELECT_ON_WILDCARD)
    return Selection(_event(params.get("event")), str(schema), str(table), conditions, columns)


def _event(event: object) -> str:
    """Return the event; an unknown one counts as every event."""
    name = event.upper() if isinstance(event, str) else ""
    return name if name in _EVENTS else "*"


def _columns(params: Mapping[str, Any]) -> tuple[str, ...] | None:
    selected = params.get("select")
    if isinstance(selected, str):
        raise BindingError(_SELECT_IS_NOT_A_LIST)
    if not isinstance(selected, list):
        return None
    return tuple(sorted({name for name in selected if isinstance(name, str)})) or None


def _conditions(text: str) -> tuple[ChangeFilter, ...]:
    if not text.strip():
        return ()
    try:
        return tuple(_condition(segment.strip()) for segment in _segments(text.strip()))
    except BindingError as error:
        raise BindingError(f"Error parsing `filter` params: {error}") from None


def _condition(segment: str) -> ChangeFilter:
    if not segment:
        raise BindingError("filter must not contain empty segments (check for extra commas)")
    column, equals, rest = segment.partition("=")
    if not equals:
        raise BindingError(inspect_term([column]))
    negate = rest.startswith("not.")
    operator, dot, value = rest.removeprefix("not.").partition(".")
    if not dot:
        raise BindingError(inspect_term([operator]))
    if operator not in OPERATORS:
        raise BindingError(inspect_term([operator, value]))
    return ChangeFilter(column, operator, _value(operator, value), negate)


def _value(operator: str, value: str) -> str:
    if operator != "in":
        return _unquoted(value)
    if not (value.startswith("(") and value.endswith(")") and len(value) > 1):
        raise BindingError("`in` filter value must be wrapped by parentheses")
    return "{" + value[1:-1] + "}"  # the items are written as in an array literal of PostgreSQL


def _unquoted(value: str) -> str:
    quoted = re.fullmatch(r'"((?:[^"\\]|\\.)*)"', value, re.DOTALL)
    return re.sub(r"\\(.)", r"\1", quoted[1], flags=re.DOTALL) if quoted else value


def _segments(text: str) -> Iterator[str]:
    """Split at commas that are neither in parentheses nor in double quotes."""
    depth, quoted, start, position = 0, False, 0, 0
    while position < len(text):
        character = text[position]
        if quoted:
            position += character == "\\"
            quoted = character != '"'
        elif character == '"':
            quoted = position > start and text[position - 1] in ".(,"
        elif character == "(":
            depth += 1
        elif character == ")":
            depth = max(0, depth - 1)
        elif character == "," and depth == 0:
            yield text[start:position]
            start = position + 1
        position += 1
    yield text[start:]
