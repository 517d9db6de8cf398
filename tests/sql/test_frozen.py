"""What has been migrated somewhere is never edited: a change is a new migration."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

import spool_live.migrations
import spool_live.sql

FOLDER = Path(spool_live.sql.__file__).parent
MIGRATIONS = Path(spool_live.migrations.__path__[0])
FROZEN_SQL = {
    "0002_authorization.reverse": "9a5e499403433e94",
    "0002_authorization": "88887e0e9d2a5825",
    "0002_broadcast.reverse": "bdc567d7027f00db",
    "0002_broadcast": "9fbcc6510ec764ae",
    "0002_cleanup.reverse": "ef73dc2b12a46779",
    "0002_cleanup": "d5dbcb2b1e4a1186",
    "0002_live_updates.reverse": "1926a7e7b7ae11c8",
    "0002_live_updates": "3fb4f0f60d96fbbe",
    "0002_mirror.reverse": "2f563bc2978746ab",
    "0002_mirror": "49d32555e8e4a6cf",
    "0002_sites.reverse": "eda86720a120c636",
    "0002_sites": "d1ac5823b9ebd55d",
}
FROZEN_OPERATIONS = {
    "0001_initial": "233cc06d67d417f7",
    "0002_supabase": "bdc3a8728fba68ad",
}
REMEDY = "it is installed already: put it back as it was, and write a migration that changes it"


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def operations(migration: str) -> str:
    """The source of a migration without its imports: classes may move to another module."""
    lines = (MIGRATIONS / f"{migration}.py").read_text("utf-8").splitlines()
    return "\n".join(line for line in lines if not line.startswith(("from ", "import ")))


@pytest.mark.parametrize("name", FROZEN_SQL)
def test_sql_is_as_it_was_installed(name: str) -> None:
    assert digest((FOLDER / f"{name}.sql").read_text("utf-8")) == FROZEN_SQL[name], REMEDY


@pytest.mark.parametrize("migration", FROZEN_OPERATIONS)
def test_operations_are_as_they_were_applied(migration: str) -> None:
    assert digest(operations(migration)) == FROZEN_OPERATIONS[migration], REMEDY
