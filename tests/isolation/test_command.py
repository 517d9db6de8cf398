from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from tests.isolation.conftest import Superuser


def _run(*arguments: str, verbosity: int = 1) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command("verify_rls", *arguments, stdout=out, stderr=err, verbosity=verbosity)
    return out.getvalue(), err.getvalue()


def test_database_as_it_is_set_up_is_clean(alias: str) -> None:
    out, err = _run("--fail-on", "warning")
    assert out.startswith("no findings: ")
    assert err == ""


@pytest.fixture
def warned(superuser: Superuser) -> Superuser:
    """A database with one warning."""
    superuser.execute("alter publication supabase_realtime set (publish = 'insert, delete')")
    return superuser


def test_warning_is_shown_and_passes(warned: Superuser) -> None:
    with warned.as_migrator():
        out, _ = _run("--database", warned.alias)
    assert "RLS-U02  warning  supabase_realtime" in out
    assert "0 errors, 1 warning" in out


def test_warning_fails_where_it_is_asked_to(warned: Superuser) -> None:
    with warned.as_migrator(), pytest.raises(CommandError, match="1 warning") as failure:
        _run("--database", warned.alias, "--fail-on", "warning")
    assert failure.value.returncode == 1


def test_nothing_fails_where_it_is_asked_never_to(alias: str) -> None:
    out, _ = _run("--fail-on", "never", "--exposed-schema", "spool_live")
    assert "RLS-H02" in out


def test_error_fails_by_default(alias: str) -> None:
    with pytest.raises(CommandError) as failure:
        _run("--exposed-schema", "spool_live")
    assert failure.value.returncode == 1


def test_database_that_cannot_be_verified_exits_with_two(alias: str) -> None:
    with pytest.raises(CommandError, match="SUPABASE_DATABASE") as failure:
        _run("--database", "other")
    assert failure.value.returncode == 2


def test_json_on_stdout_is_nothing_but_json(alias: str) -> None:
    out, _ = _run("--format", "json", verbosity=2)
    assert json.loads(out)["isolated"] is True


def test_progress_is_on_stderr_where_it_is_asked_for(alias: str) -> None:
    _, err = _run(verbosity=2)
    assert "verify_rls: joins" in err
