from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import psycopg
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from spool_live.local.config import AT_ONCE, LocalSupabaseConfig
from spool_live.local.exceptions import DatabaseDiedError, PortInUseError, PostgresError
from spool_live.local.processes import free_port, wait_until
from spool_live.local.server import run_local_supabase, running_local_supabase
from tests.local.processes import processes_below


@pytest.fixture
def config(tmp_path: Path) -> LocalSupabaseConfig:
    return LocalSupabaseConfig.generate(
        tmp_path / "state", port=free_port(), database_port=free_port(), pace=AT_ONCE
    )


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield int(taken.getsockname()[1])


def test_runs_in_a_thread_and_leaves_nothing(config: LocalSupabaseConfig) -> None:
    for _ in range(2):
        with running_local_supabase(config):
            assert httpx.get(f"{config.url}/health").is_success
        assert processes_below(config.state_dir) == set()
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{config.url}/health")


def test_answers_on_loopback_only(config: LocalSupabaseConfig) -> None:
    with running_local_supabase(config):
        listening = {
            tuple(line.split()[1].split(":"))
            for line in Path("/proc/net/tcp").read_text().splitlines()[1:]
            if line.split()[3] == "0A"
        }
        everywhere = Path("/proc/net/tcp6").read_text() if Path("/proc/net/tcp6").exists() else ""
        for port in (config.port, config.database_port):
            assert ("0100007F", f"{port:04X}") in listening
            assert ("00000000", f"{port:04X}") not in listening
            assert f":{port:04X} " not in everywhere


def test_taken_port_is_refused_before_anything_starts(
    config: LocalSupabaseConfig, taken_port: int
) -> None:
    clash = replace(config, port=taken_port)
    with (
        pytest.raises(PortInUseError, match=f"port {taken_port} .* is in use"),
        running_local_supabase(clash),
    ):
        pass


def test_taken_database_port_is_refused(config: LocalSupabaseConfig, taken_port: int) -> None:
    clash = replace(config, database_port=taken_port)
    with pytest.raises(PostgresError, match=str(taken_port)), running_local_supabase(clash):
        pass
    assert processes_below(config.state_dir) == set()


def test_death_of_the_database_ends_it_with_an_error(config: LocalSupabaseConfig) -> None:
    def kill(running: LocalSupabaseConfig) -> None:
        with psycopg.connect(running.conninfo("supabase_admin")) as connection:
            row = connection.execute("select pg_read_file('postmaster.pid', 0, 20)").fetchone()
        assert row is not None
        os.kill(int(row[0].split()[0]), signal.SIGKILL)

    with pytest.raises(DatabaseDiedError, match=r"postgres\.log"):
        run_local_supabase(config, kill)
    wait_until(lambda: processes_below(config.state_dir) == set())


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_signals_stop_it_in_order_however_often_they_come(
    config: LocalSupabaseConfig, how: signal.Signals
) -> None:
    before = signal.getsignal(how)

    def interrupt(_running: LocalSupabaseConfig) -> None:
        for _ in range(3):
            os.kill(os.getpid(), how)

    run_local_supabase(config, interrupt)
    assert signal.getsignal(how) is before
    assert processes_below(config.state_dir) == set()
    log = (config.state_dir / "postgres.log").read_text()
    assert "received fast shutdown request" in log
    assert "database system is shut down" in log


def test_open_sockets_are_closed_with_1012_and_do_not_delay_the_end(
    config: LocalSupabaseConfig,
) -> None:
    url = config.url.replace("http", "ws")
    query = f"vsn=1.0.0&apikey={config.publishable_key}"
    with running_local_supabase(config):
        connection = connect(f"{url}/realtime/v1/websocket?{query}")
        connection.send('{"topic":"phoenix","event":"heartbeat","payload":{},"ref":"1"}')
        assert '"status":"ok"' in str(connection.recv(5))
        started = time.monotonic()
    assert time.monotonic() - started < 5
    with pytest.raises(ConnectionClosed) as closed:
        connection.recv(5)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1012


def test_no_secret_is_logged(
    config: LocalSupabaseConfig, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level("DEBUG")
    with running_local_supabase(config):
        headers = {"apikey": config.secret_key, "Authorization": f"Bearer {config.secret_key}"}
        httpx.get(f"{config.url}/rest/v1/nothing", headers=headers)
        httpx.get(f"{config.url}/rest/v1/nothing", headers={"apikey": "wrong"})
    shown = capfd.readouterr()
    logged = [
        record.getMessage() for record in caplog.records if not record.name.startswith("http")
    ]
    log = (config.state_dir / "postgres.log").read_text()
    for secret in (config.secret_key, config.jwt_secret, config.database_password):
        assert secret not in shown.out + shown.err + log + "".join(logged)
