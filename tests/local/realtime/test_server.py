from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest

from spool_live.local.config import AT_ONCE, LocalSupabaseConfig
from spool_live.local.processes import free_port
from spool_live.local.realtime import server as server_module
from spool_live.local.realtime.feed import ChangeFeed
from spool_live.local.realtime.server import RealtimeServer


@pytest.fixture
def no_database(tmp_path_factory: pytest.TempPathFactory) -> LocalSupabaseConfig:
    return LocalSupabaseConfig.generate(
        tmp_path_factory.mktemp("none"), database_port=free_port(), pace=AT_ONCE
    )


async def test_start_without_database_warns_and_goes_on(
    no_database: LocalSupabaseConfig,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(server_module, "_STREAMING_WITHIN", 0.1)
    server = RealtimeServer(no_database)
    await server.start()
    await server.stop()
    assert "PostgreSQL does not answer" in caplog.text


async def test_fault_in_the_background_is_reported(
    no_database: LocalSupabaseConfig,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def fail(self: ChangeFeed) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(ChangeFeed, "run", fail)
    monkeypatch.setattr(server_module, "_STREAMING_WITHIN", 0.1)
    server = RealtimeServer(no_database)
    await server.start()
    await asyncio.sleep(0)
    await server.stop()
    assert "realtime is broken, restart it" in caplog.text
    assert "ZeroDivisionError" in caplog.text


def test_secrets_stay_out_of_what_is_logged_about_a_lost_database(
    no_database: LocalSupabaseConfig,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(server_module, "_STREAMING_WITHIN", 0.1)

    async def start_and_stop() -> None:
        server = RealtimeServer(no_database)
        await server.start()
        await server.stop()

    asyncio.run(start_and_stop())
    assert caplog.text
    assert no_database.database_password not in caplog.text


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
def test_limit_of_open_files_is_raised_as_far_as_allowed() -> None:
    script = (
        "import resource\n"
        "from spool_live.local.realtime.server import _raise_file_limit\n"
        "hard = min(2048, resource.getrlimit(resource.RLIMIT_NOFILE)[1])\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))\n"
        "_raise_file_limit()\n"
        "assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
