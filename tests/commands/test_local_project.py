"""``live_start`` and ``local_supabase``: which local Supabase is this project's."""

from __future__ import annotations

import builtins
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.core.management.base import CommandError

from spool_live.local.config import LocalSupabaseConfig
from spool_live.local.processes.ports import listen, port_of
from spool_live.management import local
from tests.commands.conftest import Run

Live = Callable[..., None]


@pytest.fixture
def _without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where ``[local]`` is not installed: one of its packages cannot be imported."""
    for name in [name for name in sys.modules if name.startswith("spool_live.local")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr("spool_live.local")
    real = builtins.__import__

    def imported(name: str, *arguments: Any, **options: Any) -> Any:
        if name.partition(".")[0] == "starlette":
            raise ModuleNotFoundError("No module named 'starlette'", name="starlette")
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", imported)


@pytest.mark.usefixtures("_without_the_extra")
def test_without_the_extra_one_line_names_it(run: Run, settings: Any) -> None:
    settings.DEBUG = True
    outcome = run("live_start")
    assert outcome.code == 1
    assert outcome.err == "spool_live.local needs starlette: pip install 'spool-live[local]'"


def test_without_debug_nothing_is_started(run: Run, settings: Any) -> None:
    settings.DEBUG = False
    outcome = run("live_start")
    assert (outcome.code, "it refuses settings.DEBUG = False" in outcome.err) == (1, True)


def test_ports_are_those_of_the_settings(live: Live, settings: Any) -> None:
    live(SUPABASE_URL="http://localhost:4711", SUPABASE_DATABASE="default")
    assert local.ports_of_settings()[0] == 4711
    for url in ("https://abcdefgh.supabase.co", "", "http://127.0.0.1:x"):
        live(SUPABASE_URL=url)
        assert local.ports_of_settings()[0] is None
    live(SUPABASE_DATABASE="nowhere")
    assert local.ports_of_settings() == (None, None)


def test_another_port_where_the_usual_one_is_taken() -> None:
    with listen(0) as listener:
        taken = port_of(listener)
        assert local.free_port(taken) not in {0, taken}
    assert local.free_port(taken) == taken


def test_no_other_supabase_is_migrated(live: Live, tmp_path: Path) -> None:
    config = LocalSupabaseConfig.generate(tmp_path, port=4711)
    live(SUPABASE_URL="https://abcdefgh.supabase.co", SUPABASE_SECRET_KEY=config.secret_key)
    with pytest.raises(CommandError, match=r"is https://abcdefgh\.supabase\.co, not the local"):
        local.refuse_another_supabase(config)
    live(SUPABASE_URL="http://127.0.0.1:4711")
    local.refuse_another_supabase(config)
    with pytest.raises(CommandError, match="is not that of the local Supabase") as refused:
        local.refuse_another_supabase(replace(config, secret_key="sb_secret_other"))
    assert config.secret_key not in str(refused.value)
