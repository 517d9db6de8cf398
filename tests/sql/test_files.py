"""Every SQL file has its place, and every place its file."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db.migrations import RunSQL

import spool_live.migrations
import spool_live.sql
from spool_live.sql import read_sql
from spool_live.supabase import provisioning, steps
from spool_live.supabase.operations import RunSupabaseSQL

FOLDER = Path(spool_live.sql.__file__).parent
SQL_BY_TEXT = {path.read_text("utf-8"): path.stem for path in FOLDER.glob("*.sql")}


def migrated() -> Iterator[tuple[str, str]]:
    """Number of a migration and name of a file that it runs."""
    for module in pkgutil.iter_modules(spool_live.migrations.__path__):
        migration = importlib.import_module(f"spool_live.migrations.{module.name}").Migration
        for operation in migration.operations:
            if isinstance(operation, RunSupabaseSQL):
                yield module.name[:4], operation.name
            elif isinstance(operation, RunSQL):
                yield module.name[:4], SQL_BY_TEXT[str(operation.sql)]


def forward_files() -> set[str]:
    return {path.stem for path in FOLDER.glob("*.sql") if not path.stem.endswith(".reverse")}


def test_every_file_is_run_by_the_migration_of_its_number() -> None:
    run = list(migrated())
    missing = forward_files() - {name for _, name in run}
    assert not missing, (
        f"No migration runs {sorted(missing)}. For each, add RunSupabaseSQL('<name>') to the "
        "migration whose number the file begins with (or a new migration, if that one is released)."
    )
    assert len({name for _, name in run}) == len(run), "a file is run twice"
    for number, name in run:
        assert name.startswith(f"{number}_"), (
            f"Migration {number} runs {name}.sql: rename the file so that it begins with {number}_."
        )


def test_every_migrated_file_exists_and_has_its_way_back() -> None:
    for _, name in migrated():
        for wanted in (name, f"{name}.reverse"):
            assert (FOLDER / f"{wanted}.sql").is_file(), (
                f"sql/{wanted}.sql does not exist: write it"
                f"{' (it drops what the other one made)' if 'reverse' in wanted else ''}."
            )


def test_every_way_back_belongs_to_a_file() -> None:
    backward = {path.stem.removesuffix(".reverse") for path in FOLDER.glob("*.reverse.sql")}
    assert backward == forward_files()


def test_every_function_that_is_made_is_dropped_and_closed() -> None:
    """PUBLIC may execute a new function: each file takes that back by name."""
    for name in forward_files():
        text = read_sql(name)
        made = re.findall(r"create function ([\w.]+)\(", text)
        revoked = " ".join(re.findall(r"revoke all on function (.+?) from public", text, re.DOTALL))
        for function in made:
            assert function in read_sql(f"{name}.reverse"), f"{name}.reverse.sql: drop {function}"
            assert function in revoked, f"{name}.sql: revoke all on function {function} from public"


def test_every_file_of_the_environment_is_a_step_or_its_way_back() -> None:
    source = "".join(Path(m.__file__ or "").read_text() for m in (provisioning, steps))
    for path in (FOLDER / "environment").glob("*.sql"):
        assert f'read_sql("environment/{path.stem}")' in source, (
            f"provisioning.py does not use environment/{path.name}: make it a step, or delete it."
        )


@pytest.mark.parametrize("name", ["0002_mirror", "environment/policies"])
def test_read_sql_finds_files_in_the_package(name: str) -> None:
    assert read_sql(name) == (FOLDER / f"{name}.sql").read_text()


def test_read_sql_of_no_file() -> None:
    with pytest.raises(FileNotFoundError):
        read_sql("0000_nothing")
