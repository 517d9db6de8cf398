"""Only ``spool_live.outbox`` writes outbox entries and the state of a site's delivery."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps

import spool_live
from spool_live.models import DeliveryCircuit, OutboxEntry, SiteDelivery

PACKAGE = Path(spool_live.__file__).parent
ALLOWED = ("outbox", "migrations", "sql/outbox", "sql/capture")
"""Folders that may write: the triggers of ``sql/capture`` record on the outbox's behalf."""
MODELS = {model.__name__ for model in (OutboxEntry, SiteDelivery, DeliveryCircuit)}
TABLES = {apps.get_model("spool_live", name)._meta.db_table for name in MODELS}
WRITES = {
    *("create", "bulk_create", "get_or_create", "update", "update_or_create"),
    *("bulk_update", "delete", "save", "_raw_delete"),
}
WRITING_SQL = re.compile(
    rf"\b(?:insert\s+into|update|delete\s+from|truncate)\s+(?:public\.)?({'|'.join(TABLES)})\b",
    re.IGNORECASE,
)


def writes(source: str) -> Iterator[int]:
    """The lines of ``source`` that write one of the models, directly or through a variable."""
    tree = ast.parse(source)
    tainted = set(MODELS)
    assignments = [node for node in ast.walk(tree) if isinstance(node, ast.Assign | ast.AnnAssign)]
    for _ in assignments:  # a variable may hold what another one holds
        for one in assignments:
            if one.value is not None and names(one.value) & tainted:
                targets = one.targets if isinstance(one, ast.Assign) else [one.target]
                for target in targets:
                    tainted |= {n.id for n in ast.walk(target) if isinstance(n, ast.Name)}
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in WRITES
            and names(node.func.value) & tainted
        ):
            yield node.lineno


def names(node: ast.AST) -> set[str]:
    """The names that ``node`` is computed from by calls and attributes, arguments left out."""
    if isinstance(node, ast.Call):
        return names(node.func)
    if isinstance(node, ast.Attribute):
        return names(node.value)
    if isinstance(node, ast.Subscript):
        return names(node.value)
    if isinstance(node, ast.Name):
        return {node.id}
    return set()


def outside() -> Iterator[Path]:
    for path in [*PACKAGE.rglob("*.py"), *PACKAGE.rglob("*.sql")]:
        folder = path.relative_to(PACKAGE).as_posix()
        frozen = re.match(r"sql/000\d_", folder)  # SQL of the migrations
        if not frozen and not folder.startswith(tuple(f"{name}/" for name in ALLOWED)):
            yield path


def test_nobody_else_writes() -> None:
    found = [
        f"{path.relative_to(PACKAGE)}:{line}"
        for path in outside()
        if path.suffix == ".py"
        for line in writes(path.read_text("utf-8"))
    ]
    assert not found, "write it in spool_live/outbox (site_state.py for the state of a site)"


def test_nobody_else_writes_by_sql() -> None:
    found = [path.name for path in outside() if WRITING_SQL.search(path.read_text("utf-8"))]
    assert not found, "the SQL that writes the outbox belongs in spool_live/sql/outbox"


@pytest.mark.parametrize(
    "source",
    [
        "SiteDelivery.objects.using(using).filter(pk=1).update(version=2)",
        "OutboxEntry.objects.all().delete()",
        "states = SiteDelivery.objects\nmine = states.filter(pk=1)\nmine.update(epoch=1)",
        "DeliveryCircuit(pk=1).save()",
    ],
)
def test_what_it_finds(source: str) -> None:
    assert list(writes(source)) == [len(source.splitlines())]


def test_what_it_leaves_alone() -> None:
    assert not list(writes("seen = {}\nseen.update(OutboxEntry=1)\nSite.objects.create(name='x')"))
    assert WRITING_SQL.search("UPDATE live_updates_outbox o\nSET state = 'dead'")
