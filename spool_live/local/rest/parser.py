"""Parse PostgREST's query strings.

The grammar is that of the documentation of PostgREST 14 (references/api/tables_views); embedding,
aggregates and full-text search are refused by name, and not misread.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Literal, TypeVar
from urllib.parse import parse_qsl

from spool_live.local.rest.errors import bad_query, not_implemented, range_not_satisfiable
from spool_live.local.rest.filters import parse_filter, parse_tree
from spool_live.local.rest.scanner import Scanner
from spool_live.local.rest.syntax import Condition, Group, OrderTerm, Query, Selected

Item = TypeVar("Item")

_RESERVED = frozenset(("select", "order", "limit", "offset", "columns", "on_conflict"))


def parse_query(query_string: str, arguments: Iterable[str] = ()) -> Query:
    """Return a raw query string as a ``Query``; ``arguments`` are the names of a function's
    parameters.

    Raises ``ApiError`` (PGRST100, PGRST103, PGRST127).
    """
    parts: dict[str, str] = {}
    conditions: list[Condition | Group] = []
    given: dict[str, str] = {}
    for key, value in parse_qsl(query_string, keep_blank_values=True):
        if key in _RESERVED:
            parts.setdefault(key, value)
        elif key in arguments:
            given[key] = value
        elif key in ("and", "or", "not.and", "not.or"):
            conditions.append(parse_tree(key, value))
        else:
            conditions.append(parse_filter(key, value))
    return Query(
        select=_items("select", parts.get("select"), _select_item) or (Selected(None),),
        conditions=tuple(conditions),
        order=_items("order", parts.get("order"), _order_term),
        limit=_range_number("limit", parts["limit"]) if "limit" in parts else None,
        offset=_range_number("offset", parts.get("offset", "0")),
        columns=_column_names("columns", parts.get("columns")),
        on_conflict=_column_names("on_conflict", parts.get("on_conflict")),
        arguments=given,
    )


def _items(what: str, text: str | None, item: Callable[[Scanner], Item]) -> tuple[Item, ...]:
    if not text:
        return ()
    scanner = Scanner(text, what)
    found = scanner.items(item)
    scanner.end()
    return found


def _select_item(scanner: Scanner) -> Selected:
    scanner.skip_spaces()
    if scanner.accept("*"):
        return Selected(None)
    if scanner.accept("..."):
        raise not_implemented("embedding of other tables in select")
    alias = None
    ref = scanner.field()
    if scanner.sees(":") and not scanner.sees("::"):
        scanner.expect(":")
        alias, ref = ref.column, scanner.field()
    if scanner.sees("(") or scanner.sees("!"):
        raise not_implemented("embedding of other tables or aggregates in select")
    if scanner.accept("."):
        raise not_implemented("aggregates in select")
    cast_to = None
    if scanner.accept("::"):
        cast_to = scanner.match(r"[A-Za-z_][A-Za-z0-9_ ]*(?:\[\])?")
        if cast_to is None:
            raise scanner.fail("a type name")
    return Selected(ref, alias, cast_to)


def _order_term(scanner: Scanner) -> OrderTerm:
    scanner.skip_spaces()
    ref = scanner.field()
    if scanner.sees("("):
        raise not_implemented("order by embedded resources")
    descending = False
    nulls: Literal["first", "last"] | None = None
    for _ in range(2):
        word = scanner.match(r"\.(?:asc|desc|nullsfirst|nullslast)\b")
        if word in (".asc", ".desc"):
            descending = word == ".desc"
        elif word is not None:
            nulls = "first" if word == ".nullsfirst" else "last"
    return OrderTerm(ref, descending, nulls)


def _column_names(what: str, text: str | None) -> tuple[str, ...] | None:
    return None if text is None else _items(what, text, Scanner.name)


def _range_number(what: str, text: str) -> int:
    if not re.fullmatch(r"-?\d{1,18}", text):
        raise bad_query(f'"failed to parse {what} ({text})"', "expecting a number")
    if int(text) < 0:
        raise range_not_satisfiable("Limit should be greater than or equal to zero.")
    return int(text)
