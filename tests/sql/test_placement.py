"""SQL is files with names: what stands in Python is what cannot be one."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import spool_live

PACKAGE = Path(spool_live.__file__).parent
STATEMENT = re.compile(
    r"\s*(select\b.+\bfrom|with \w+ as|insert into|update \w+(\.\w+)? set|delete from|truncate|"
    r"create (or replace )?(table|function|trigger|policy)|listen|lock table)\b",
    re.IGNORECASE | re.DOTALL,
)
COMPOSED = {
    "isolation": "remedies for a person to read, and attacks that are composed of their target",
    "capture/triggers": "triggers and their functions, composed of what a collection declares",
    "local": "the stand-in for PostgREST and Realtime composes what their users ask for",
    "outbox/rows.py": "the number of rows and what they have in common decide the statement",
    "capture/bulk.py": "Django's own query within ours",
    "supabase/steps.py": "a copy of each table, to compare its policies as the server writes them",
    "supabase/under_traffic.py": "the name of a table as Django has it",
    "client": "no SQL: the client asks PostgREST",
}
"""Where statements are made of parts at run time, and why."""


def strings(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and text of every string that is not documentation."""
    documentation = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if id(node) in documentation or not isinstance(node, ast.Constant):
            continue
        if isinstance(node.value, str):
            yield node.lineno, node.value


def modules() -> list[Path]:
    return [
        path
        for path in sorted(PACKAGE.rglob("*.py"))
        if not any(str(path.relative_to(PACKAGE)).startswith(place) for place in COMPOSED)
    ]


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_statements_are_in_files(path: Path) -> None:
    found = [
        f"{path.name}:{line}: {text.strip().splitlines()[0][:60]}"
        for line, text in strings(ast.parse(path.read_text("utf-8")))
        if STATEMENT.match(text)
    ]
    assert not found, "each of these belongs into spool_live/sql, read by read_sql"


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.sql")), ids=lambda path: path.stem)
def test_parameters_have_names(path: Path) -> None:
    """``%s`` takes values in an order that only the caller shows."""
    outside_of_quotes = re.sub(r"--.*|'[^']*'", "", path.read_text("utf-8"))
    assert "%s" not in outside_of_quotes, "write %(name)s"
