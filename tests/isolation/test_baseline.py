"""What the migrations make is what verification compares with."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

import spool_live.isolation
from spool_live.conf import live_settings
from spool_live.isolation.audit.baseline import TablePart, read_parts, shipped_parts
from spool_live.isolation.sandbox import sandbox
from spool_live.isolation.target import inspect_target

WRITE = "SPOOL_LIVE_WRITE_BASELINE"
FOLDER = Path(spool_live.isolation.__file__).parent / "migrated"


def test_baseline_is_what_the_migrations_make(alias: str) -> None:
    one_database = not live_settings().has_separate_databases
    with sandbox(alias) as box:
        parts = read_parts(box, inspect_target(box))
    if os.environ.get(WRITE):
        write_baseline(parts, one_database=one_database)
    assert parts == shipped_parts(one_database=one_database), (
        f"The migrations make other tables now: set {WRITE}=1, run this test once with "
        "SPOOL_LIVE_TEST_CONTENT=postgresql and once with sqlite, and commit what it writes."
    )


def write_baseline(parts: tuple[TablePart, ...], *, one_database: bool) -> None:
    """Writes the file that ships."""
    name = "one_database" if one_database else "two_databases"
    records = [
        {"kind": p.kind, "table": p.table, "name": p.name, "definition": p.definition}
        for p in parts
    ]
    (FOLDER / f"{name}.json").write_text(json.dumps(records, indent=1) + "\n")
    shipped_parts.cache_clear()


@pytest.mark.parametrize("one_database", [True, False])
def test_baseline_has_parts_of_every_kind(one_database: bool) -> None:
    kinds = {part.kind for part in shipped_parts(one_database=one_database)}
    made = {"table", "column", "key", "constraint", "index"}
    assert kinds == made | ({"sequence"} if one_database else set())
