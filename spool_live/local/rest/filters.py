"""Parse filters (``column=eq.value``) and logic trees (``or=(...)``)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, cast

from spool_live.local.rest.errors import not_implemented
from spool_live.local.rest.scanner import Scanner
from spool_live.local.rest.syntax import Condition, FieldRef, Group

_QUANTIFIABLE = frozenset(("eq", "gt", "gte", "lt", "lte", "like", "ilike", "match", "imatch"))
_OPERATORS = _QUANTIFIABLE.union(
    ("neq", "in", "is", "isdistinct", "cs", "cd", "ov", "sl", "sr", "nxr", "nxl", "adj")
)
_IS_VALUES = frozenset(("null", "not_null", "true", "false", "unknown"))
_TEXT_SEARCH = frozenset(("fts", "plfts", "phfts", "wfts"))
_DEEPEST = 20


def parse_filter(key: str, text: str) -> Condition:
    """Return ``key=text`` as a condition. Raises ``ApiError``."""
    names = Scanner(key, "filter")
    ref = names.field()
    if names.sees("."):
        raise not_implemented(f"filters on embedded resources ({key})")
    names.end()
    scanner = Scanner(text, "filter")
    condition = _operation(scanner, ref, _whole_value)
    scanner.end()
    return condition


def parse_tree(key: str, text: str) -> Group:
    """Return the group of ``or=(...)``, ``not.and=(...)``. Raises ``ApiError``."""
    scanner = Scanner(text, "logic tree")
    kind = "or" if key.endswith("or") else "and"
    group = _group(scanner, kind, negated=key.startswith("not."), depth=0)
    scanner.end()
    return group


def _group(scanner: Scanner, kind: str, *, negated: bool, depth: int) -> Group:
    if depth > _DEEPEST:
        raise scanner.fail(f"at most {_DEEPEST} levels of logic")
    scanner.expect("(")
    members = scanner.items(lambda inner: _member(inner, depth))
    scanner.expect(")")
    return Group(cast("Literal['and', 'or']", kind), members, negated)


def _member(scanner: Scanner, depth: int) -> Condition | Group:
    scanner.skip_spaces()
    nested = scanner.match(r"(?:not\.)?(?:and|or)(?=\()")
    if nested is not None:
        kind = nested.removeprefix("not.")
        return _group(scanner, kind, negated=nested != kind, depth=depth + 1)
    ref = scanner.field()
    scanner.expect(".")
    return _operation(scanner, ref, _nested_value)


def _operation(scanner: Scanner, ref: FieldRef, read_value: Callable[[Scanner], str]) -> Condition:
    negated = scanner.accept("not.")
    start = scanner.at
    operator = scanner.match(r"[a-z]+(?=[.(])")
    if operator in _TEXT_SEARCH:
        raise not_implemented(f"full-text search ({operator})")
    if operator not in _OPERATORS:
        scanner.at = start
        raise scanner.fail("an operator (eq, gt, ...)")
    quantifier = _quantifier(scanner, operator)
    scanner.expect(".")
    if operator == "in":
        return Condition(ref, operator, _value_list(scanner), negated)
    value = read_value(scanner)
    if operator == "is" and value.lower() not in _IS_VALUES:
        raise scanner.fail("null, not_null, true, false or unknown")
    return Condition(ref, operator, value, negated, quantifier)


def _quantifier(scanner: Scanner, operator: str) -> Literal["", "any", "all"]:
    quantifier: Literal["", "any", "all"] = ""
    if scanner.accept("(any)"):
        quantifier = "any"
    elif scanner.accept("(all)"):
        quantifier = "all"
    if quantifier and operator not in _QUANTIFIABLE:
        raise scanner.fail(f"an operator that takes ({quantifier})")
    return quantifier


def _whole_value(scanner: Scanner) -> str:
    value = scanner.rest
    scanner.at = len(scanner.text)
    return value


def _nested_value(scanner: Scanner) -> str:
    quoted = scanner.quoted()
    if quoted is not None:
        return quoted
    return scanner.match(r"\{[^}]*\}") or scanner.match(r"[^,)]*") or ""


def _listed_value(scanner: Scanner) -> str:
    quoted = scanner.quoted()
    return quoted if quoted is not None else scanner.match(r"[^,)]*") or ""


def _value_list(scanner: Scanner) -> tuple[str, ...]:
    scanner.expect("(")
    if scanner.accept(")"):
        return ()
    values = scanner.items(_listed_value)
    scanner.expect(")")
    return values
