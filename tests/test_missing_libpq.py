"""psycopg is there, but finds no libpq: each way in says what brings one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.projects import Project


@pytest.fixture(autouse=True)
def no_libpq(monkeypatch: pytest.MonkeyPatch) -> None:
    """The implementation in C is not installed: psycopg fails as it does without a libpq."""
    monkeypatch.setenv("PSYCOPG_IMPL", "c")


@pytest.mark.parametrize("engine", ["sqlite3", "postgresql"])
def test_commands_end_with_the_remedy(tmp_path: Path, engine: str) -> None:
    databases = {"default": {"ENGINE": f"django.db.backends.{engine}", "NAME": "content"}}
    said = Project(tmp_path, {}, DATABASES=databases).manage("check", fails=True)
    last = said.splitlines()[-1]
    assert last.startswith("django.core.exceptions.ImproperlyConfigured: psycopg cannot load libpq")
    assert "pip install 'spool-live[binary]'" in last


def test_local_supabase_says_what_it_needs() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import spool_live.local"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stderr.splitlines()[-1] == (
        "ImportError: spool_live.local needs libpq: pip install 'spool-live[local]'"
    )
