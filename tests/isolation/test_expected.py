from __future__ import annotations

import re
from importlib import resources

from spool_live import sql
from spool_live.isolation.audit.expected import expected_functions, expected_trigger


def _migrations() -> str:
    files = sorted(resources.files(sql).iterdir(), key=lambda file: file.name)
    names = (f for f in files if f.name.endswith(".sql") and ".reverse." not in f.name)
    return "\n".join(file.read_text("utf-8") for file in names)


def test_every_function_of_our_files_is_expected() -> None:
    made = set(
        re.findall(r"^create (?:or replace )?function ([\w.]+)", _migrations(), re.MULTILINE)
    )
    assert set(expected_functions()) == made


def test_function_is_read_with_its_attributes() -> None:
    helper = expected_functions()["spool_live.authorized_site_id"]
    assert helper.language == "plpgsql"
    assert helper.volatility == "stable"
    assert helper.security_definer
    assert helper.callers == ("anon", "authenticated", "service_role")
    assert helper.body.strip().startswith("declare")
    assert helper.body.strip().endswith("end")


def test_function_without_volatility_is_volatile_and_has_its_argument_types() -> None:
    cleanup = expected_functions()["public.spool_live_cleanup"]
    assert cleanup.volatility == "volatile"
    assert cleanup.signature == "public.spool_live_cleanup(timestamptz, integer)"


def test_trigger_is_the_whole_statement() -> None:
    assert expected_trigger().startswith("create trigger live_updates_broadcast")
    assert expected_trigger().endswith("execute function spool_live.broadcast_new_updates()")
