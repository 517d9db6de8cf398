"""The suite on a Supabase that runs already: proved with a `spool-live-local` started apart."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from spool_live.local.processes import free_port, wait_until
from tests.real_supabase import NAMES, VARIABLE, given_supabase

ROOT = Path(__file__).parents[2]
CHOSEN = (
    "tests/end_to_end/test_official_python_client.py",
    "tests/end_to_end/client/test_live_updates_client.py",
    "tests/end_to_end/client/test_chaos.py::test_cms_away_what_is_missing_is_read_from_supabase",
    "tests/end_to_end/client/test_many_clients.py",
    "tests/client/test_client.py",
    "tests/isolation/test_verify.py",
)
HAS_BEEN_MIGRATED = "select to_regclass('public.live_updates') is not null"


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[dict[str, Any]]:
    """What the ready file of a stack in a process of its own says."""
    ready = tmp_path / "ready.json"
    ports = ["--port", str(free_port()), "--database-port", str(free_port())]
    command = [str(Path(sys.executable).with_name("spool-live-local")), *ports, "--quiet"]
    folders = ["--state-dir", str(tmp_path / "state"), "--ready-file", str(ready)]
    process = subprocess.Popen([*command, *folders])
    try:
        wait_until(ready.exists, 60)
        yield json.loads(ready.read_text())
    finally:
        process.terminate()
        process.wait(30)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_chosen_tests_of_each_suite_pass_there(stack: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "supabase.env"
    lines = [f'{name}="{stack[short]}"' for name, short in NAMES.items() if short in stack]
    file.write_text("\n".join(lines))
    with psycopg.connect(stack["database_url"]) as connection:
        assert connection.execute(HAS_BEEN_MIGRATED).fetchone() == (False,)
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *CHOSEN],
        cwd=ROOT,
        env={**os.environ, VARIABLE: str(file)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert run.returncode == 0, run.stdout
    assert "is not changed or killed by a test" in run.stdout
    with psycopg.connect(stack["database_url"]) as connection:
        assert connection.execute(HAS_BEEN_MIGRATED).fetchone() == (True,)


def test_file_that_lacks_something_says_what(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "supabase.env"
    file.write_text("SUPABASE_URL=http://127.0.0.1:54321\nSUPABASE_SECRET_KEY=x\n")
    monkeypatch.setenv(VARIABLE, str(file))
    with pytest.raises(ValueError, match="lacks SUPABASE_PUBLISHABLE_KEY, SUPABASE_JWT_SECRET"):
        given_supabase(tmp_path)
