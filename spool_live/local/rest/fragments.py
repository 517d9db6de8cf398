"""Parts of SQL statements: fields, conditions, order and range.

Names are always quoted identifiers, values always parameters. Parameters are sent without a type,
so PostgreSQL gives them the type of the column they are compared with, as it does with PostgREST's
literals.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from psycopg import sql

from spool_live.local.rest.syntax import (
    Condition,
    FieldRef,
    Group,
    OrderTerm,
    Query,
    Selected,
)

_OPERATORS = {
    "eq": "=",
    "neq": "<>",
    "gt": ">",
    "gte": ">=",
    "lt": "<",
    "lte": "<=",
    "like": "like",
    "ilike": "ilike",
    "match": "~",
    "imatch": "~*",
    "isdistinct": "is distinct from",
    "cs": "@>",
    "cd": "<@",
    "ov": "&&",
    "sl": "<<",
    "sr": ">>",
    "nxr": "&<",
    "nxl": "&>",
    "adj": "-|-",
}
_EMPTY = sql.SQL("")


class Parameters:
    """The values of one statement, in the order of their ``$n``."""

    def __init__(self) -> None:
        self.values: list[str] = []

    def bind(self, value: str) -> sql.SQL:
        """Return the placeholder of ``value``."""
        self.values.append(value)
        return sql.SQL(f"${len(self.values)}")


class Fragments:
    """Renderer of a query string as SQL about ``source``, a relation in the FROM clause."""

    def __init__(self, source: sql.Composable, parameters: Parameters) -> None:
        self._source = source
        self._parameters = parameters

    def field(self, ref: FieldRef) -> sql.Composable:
        rendered: sql.Composable = sql.SQL("{}.{}").format(self._source, sql.Identifier(ref.column))
        if ref.path:
            rendered = sql.SQL("to_jsonb({})").format(rendered)
        for step in ref.path:
            arrow = sql.SQL(" ->> " if step.as_text else " -> ")
            is_index = step.key.isdigit()
            key = (
                sql.SQL(step.key)
                if is_index and step.key.isascii()
                else sql.SQL("{}::text").format(self._parameters.bind(step.key))
            )
            rendered = sql.SQL("{}{}{}").format(rendered, arrow, key)
        return rendered

    def columns(self, select: Sequence[Selected]) -> sql.Composable:
        return sql.SQL(", ").join([self._selected(item) for item in select])

    def _selected(self, item: Selected) -> sql.Composable:
        if item.field is None:
            return sql.SQL("{}.*").format(self._source)
        rendered = self.field(item.field)
        if item.cast is not None:
            # the parser accepts only words here
            rendered = sql.SQL("cast({} as {})").format(rendered, sql.SQL(item.cast))
        name = item.alias or item.field.result_name
        return sql.SQL("{} as {}").format(rendered, sql.Identifier(name))

    def where(self, conditions: Sequence[Condition | Group]) -> sql.Composable:
        if not conditions:
            return _EMPTY
        rendered = [self._condition(condition) for condition in conditions]
        return sql.SQL(" where {}").format(sql.SQL(" and ").join(rendered))

    def order(self, terms: Sequence[OrderTerm]) -> sql.Composable:
        if not terms:
            return _EMPTY
        rendered = [
            sql.SQL("{} {}{}").format(
                self.field(term.field),
                sql.SQL("desc" if term.descending else "asc"),
                sql.SQL(f" nulls {term.nulls}" if term.nulls else ""),
            )
            for term in terms
        ]
        return sql.SQL(" order by {}").format(sql.SQL(", ").join(rendered))

    def _condition(self, condition: Condition | Group) -> sql.Composable:
        match condition:
            case Group(kind=kind, members=members):
                joined = sql.SQL(f" {kind} ").join([self._condition(one) for one in members])
                rendered: sql.Composable = sql.SQL("({})").format(joined)
            case Condition():
                rendered = sql.SQL("({})").format(self._comparison(condition))
            case _:
                assert_never(condition)
        return sql.SQL("not {}").format(rendered) if condition.negated else rendered

    def _comparison(self, condition: Condition) -> sql.Composable:
        field = self.field(condition.field)
        if isinstance(condition.value, tuple):
            values = self._parameters.bind(_array_literal(condition.value))
            return sql.SQL("{} = any ({})").format(field, values)
        if condition.operator == "is":
            # the parser accepts only five words here
            value = condition.value.lower().replace("_", " ")
            return sql.SQL("{} is {}").format(field, sql.SQL(value))
        value = condition.value
        if condition.operator in ("like", "ilike"):
            value = value.replace("*", "%")
        compared: sql.Composable = self._parameters.bind(value)
        if condition.quantifier:
            compared = sql.SQL("{} ({})").format(sql.SQL(condition.quantifier), compared)
        operator = sql.SQL(_OPERATORS[condition.operator])
        return sql.SQL("{} {} {}").format(field, operator, compared)


def window(query: Query, max_rows: int) -> sql.Composable:
    """Return LIMIT and OFFSET, with at most ``max_rows`` rows."""
    limit = max_rows if query.limit is None else min(query.limit, max_rows)
    return sql.SQL(" limit {} offset {}").format(sql.Literal(limit), sql.Literal(query.offset))


def _array_literal(values: Sequence[str]) -> str:
    escaped = (value.replace("\\", "\\\\").replace('"', '\\"') for value in values)
    return "{" + ",".join(f'"{value}"' for value in escaped) + "}"
