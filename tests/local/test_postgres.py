from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from spool_live.local.binaries import PostgresBinaries, find_postgres
from spool_live.local.exceptions import PostgresError
from spool_live.local.postgres import EmbeddedPostgres
from spool_live.local.processes import free_port, wait_until
from tests.local.processes import processes_below

PASSWORD = "odd /@:? password%"  # what a URL has to escape

# starts a PostgreSQL in folder argv[1] on port argv[2], says so, and waits to be killed
OWNER = """
import sys, threading
from pathlib import Path
from spool_live.local.postgres import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]), port=int(sys.argv[2]), password="secret")
if "--in-thread" in sys.argv:
    starter = threading.Thread(target=server.start)
    starter.start()
    starter.join()
else:
    server.start()
print("started", flush=True)
if "--exit" not in sys.argv:
    sys.stdin.read()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state"


def server(folder: Path, port: int | None = None, **options: Any) -> EmbeddedPostgres:
    return EmbeddedPostgres(folder, port=port or free_port(), password=PASSWORD, **options)


@pytest.fixture
def owner(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that has a PostgreSQL running in ``folder``."""
    with owning(folder) as process:
        yield process


def owning(folder: Path, *options: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(folder), str(free_port()), *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "started\n"
    return process


def ask(running: EmbeddedPostgres, question: str, role: str | None = None) -> object:
    with psycopg.connect(running.conninfo(role)) as connection:
        row = connection.execute(question).fetchone()
    return row[0] if row else None


def test_starts_stops_and_keeps_what_was_written(folder: Path) -> None:
    postgres = server(folder)
    with postgres:
        was_running = postgres.running
        with psycopg.connect(postgres.conninfo()) as connection:
            connection.execute("create table kept (id int)")
    assert (was_running, postgres.running) == (True, False)
    assert processes_below(folder) == set()
    with postgres:
        assert ask(postgres, "select count(*) from kept") == 0


def test_everything_written_is_in_the_state_folder(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    before = {path: path.stat().st_mode for path in (tmp_path, *tmp_path.parents)}
    with server(folder):
        pass
    assert {path: path.stat().st_mode for path in before} == before
    assert list(home.iterdir()) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "state"]
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "postgres.log").stat().st_mode & 0o777 == 0o600
    assert not (folder / "initdb.password").exists()


def test_settings_fit_logical_decoding_and_can_be_overridden(folder: Path) -> None:
    with server(folder, settings={"work_mem": "7MB", "max_connections": "20"}) as postgres:
        reported = {
            name: ask(postgres, f"show {name}")
            for name in (
                "wal_level",
                "synchronous_commit",
                "work_mem",
                "max_connections",
                "timezone",
            )
        }
        assert reported == {
            "wal_level": "logical",
            "synchronous_commit": "on",
            "work_mem": "7MB",
            "max_connections": "20",
            "timezone": "UTC",
        }
        assert ask(postgres, "select datcollate || datctype from pg_database limit 1") is not None
        assert ask(postgres, "show server_encoding") == "UTF8"
        assert ask(postgres, "select upper('äé')") == "ÄÉ"


def test_callers_environment_does_not_reach_the_server(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "PGDATA": "/nowhere",
        "PGPORT": "1",
        "LC_ALL": "xx_XX",
        "TZ": "Asia/Tokyo",
    }.items():
        monkeypatch.setenv(name, value)
    with server(folder) as postgres:
        assert ask(postgres, "show timezone") == "UTC"


def test_passwords_are_demanded_over_tcp_and_socket(folder: Path) -> None:
    with server(folder) as postgres:
        wrong = postgres.conninfo().replace("%2F", "x")
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(wrong)
        with pytest.raises(psycopg.OperationalError, match="no password supplied"):
            psycopg.connect(host=str(postgres.data_dir), port=postgres.port, user="supabase_admin")


def test_long_state_folder_goes_without_a_socket(tmp_path: Path) -> None:
    with server(tmp_path / ("x" * 100)) as postgres:
        assert ask(postgres, "show unix_socket_directories") == ""


def test_taken_port_is_refused_by_number(folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PostgresError, match=f"port {port} .* is in use"):
            server(folder, port).start()
    with server(folder, port):
        pass


def test_folder_in_use_is_refused(folder: Path, owner: subprocess.Popen[str]) -> None:
    with pytest.raises(PostgresError, match="another process runs a PostgreSQL in"):
        server(folder).start()
    assert owner.poll() is None


def test_start_twice_is_refused(folder: Path) -> None:
    with server(folder) as postgres, pytest.raises(PostgresError, match="already running"):
        postgres.start()


def test_folder_of_another_major_version_is_refused_with_the_remedy(folder: Path) -> None:
    postgres = server(folder)
    with postgres:
        pass
    (folder / "postgres" / "PG_VERSION").write_text("12\n")
    with pytest.raises(PostgresError, match=r"written by PostgreSQL 12.*SPOOL_LIVE_PG_BIN"):
        postgres.start()


def test_start_that_fails_ends_with_the_log_and_can_be_repeated(folder: Path) -> None:
    with pytest.raises(PostgresError, match="no_such_setting"):
        server(folder, settings={"no_such_setting": "1"}).start()
    with server(folder):
        pass


def test_half_an_initdb_is_begun_anew(folder: Path) -> None:
    unfinished = folder / "postgres.new"
    unfinished.mkdir(parents=True)
    (unfinished / "PG_VERSION").write_text("18\n")
    with server(folder) as postgres:
        assert ask(postgres, "select 1") == 1


def test_stale_pid_file_of_a_pid_that_is_somebody_elses_is_ignored(folder: Path) -> None:
    postgres = server(folder)
    with postgres:
        pass
    (folder / "postgres" / "postmaster.pid").write_text(f"{os.getpid()}\n")
    with postgres:
        assert ask(postgres, "select 1") == 1


def test_end_of_the_server_is_told(folder: Path) -> None:
    ended: list[bool] = []
    postgres = server(folder)
    postgres.start()
    postgres.when_ended(lambda: ended.append(True))
    assert not ended
    postgres.stop()
    wait_until(lambda: ended == [True])


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's parent-death signal")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.parametrize("options", [(), ("--in-thread",)], ids=["main thread", "other thread"])
def test_no_postgres_outlives_its_owner(
    folder: Path, how: signal.Signals, options: tuple[str, ...]
) -> None:
    with owning(folder, *options) as process:
        assert len(processes_below(folder)) > 2
        process.send_signal(how)
        process.wait(10)
        wait_until(lambda: processes_below(folder) == set())
    assert "database system is shut down" in (folder / "postgres.log").read_text()


def test_normal_exit_without_stop_leaves_nothing(folder: Path) -> None:
    with owning(folder, "--exit") as process:
        assert process.wait(10) == 0
    assert processes_below(folder) == set()


def test_start_right_after_kill_9_waits_for_the_old_server(
    folder: Path, owner: subprocess.Popen[str]
) -> None:
    owner.kill()
    owner.wait(10)
    with EmbeddedPostgres(folder, port=free_port(), password="secret") as postgres:
        assert ask(postgres, "select 1") == 1


def test_fork_of_the_owner_cannot_stop_the_server(folder: Path) -> None:
    program = """
import os, sys
from pathlib import Path
from spool_live.local.postgres import EmbeddedPostgres
with EmbeddedPostgres(Path(sys.argv[1]), port=int(sys.argv[2]), password="secret") as server:
    if os.fork() == 0:
        server.stop()
        os._exit(0)
    os.wait()
    print(server.running)
"""
    command = [sys.executable, "-W", "ignore", "-c", program, str(folder), str(free_port())]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "True\n"


OTHERS = [
    path
    for path in sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if PostgresBinaries(path).complete and path != find_postgres().bin_dir
]


@pytest.mark.parametrize("bin_dir", OTHERS, ids=str)
def test_other_postgres_of_this_machine_works_too(folder: Path, bin_dir: Path) -> None:
    binaries = PostgresBinaries(bin_dir)
    with server(folder, binaries=binaries) as postgres:
        version = ask(postgres, "show server_version_num")
        assert int(str(version)) // 10_000 == binaries.major
