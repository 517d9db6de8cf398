"""``manage.py local_supabase`` as a process, the way people and the demo run it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from django.conf import LazySettings
from django.core.management import call_command

from spool_live.local.config import Limits, LocalSupabaseConfig
from spool_live.local.processes import wait_until
from tests.local.processes import processes_below

SETTINGS = """
SECRET_KEY = "x"
DEBUG = {debug}
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "spool_live"]
DATABASES = {{"default": {{"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}}}
"""
Started = list[subprocess.Popen[str]]


@pytest.fixture
def started() -> Iterator[Started]:
    processes: Started = []
    yield processes
    for process in processes:
        with process:
            process.kill()


def run(
    tmp_path: Path,
    started: Started,
    *options: str,
    debug: bool = True,
    python: tuple[str, ...] = (),
) -> subprocess.Popen[str]:
    (tmp_path / "project_settings.py").write_text(SETTINGS.format(debug=debug))
    command = [sys.executable, *python, "-m", "django", "local_supabase", "--port=0"]
    command += ["--database-port=0", f"--state-dir={tmp_path / 'state'}"]
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "project_settings",
        "PYTHONPATH": os.pathsep.join([str(tmp_path), *filter(None, sys.path)]),
    }
    process = subprocess.Popen(
        [*command, *options],
        env=environment,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    started.append(process)
    return process


def ready(file: Path, process: subprocess.Popen[str]) -> dict[str, Any]:
    wait_until(lambda: file.exists() or process.poll() is not None)
    if process.poll() is not None and process.stderr is not None:
        pytest.fail(process.stderr.read())
    content: dict[str, Any] = json.loads(file.read_text())
    return content


def test_writes_the_ready_file_serves_and_stops_on_ctrl_c(tmp_path: Path, started: Started) -> None:
    file = tmp_path / "ready.json"
    file.write_text('{"url": "of another run"}')
    process = run(tmp_path, started, f"--ready-file={file}", "--privileges=grant-all")
    wait_until(lambda: not file.exists() or "another" not in file.read_text())
    summary = ready(file, process)
    assert file.stat().st_mode & 0o777 == 0o600
    with psycopg.connect(summary["database_url"], autocommit=True) as connection:
        connection.execute("create table note (id int primary key)")
        connection.execute("notify pgrst, 'reload schema'")

    def is_stored() -> bool:
        reply = httpx.post(
            f"{summary['url']}/rest/v1/note",
            json={"id": 1},
            headers={"apikey": summary["publishable_key"]},
        )
        return reply.status_code == 201

    wait_until(is_stored)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0
    assert err == ""
    assert "NEVER USE IT IN PRODUCTION" in out
    assert summary["secret_key"] in out
    assert not file.exists()
    assert processes_below(tmp_path / "state") == set()


def test_prints_json_for_machines_and_keeps_its_secrets(tmp_path: Path, started: Started) -> None:
    summaries = []
    for _ in range(2):
        process = run(tmp_path, started, "--format=json")
        assert process.stdout is not None
        summaries.append(json.loads(process.stdout.readline()))
        process.terminate()
        assert process.wait(30) == 0
    first, second = summaries
    for name in ("secret_key", "publishable_key", "jwt_secret"):
        assert first[name] == second[name]


def test_needs_no_django(tmp_path: Path, started: Started) -> None:
    state, file = tmp_path / "state", tmp_path / "ready.json"
    hidden = tmp_path / "django"
    hidden.mkdir()
    (hidden / "__init__.py").write_text("raise ImportError('Django is not here')")
    process = subprocess.Popen(
        [
            *(
                sys.executable,
                "-c",
                "import sys; from spool_live.local.command import main; main()",
            ),
            *("--port=0", "--database-port=0", f"--state-dir={state}", f"--ready-file={file}"),
            "--quiet",
        ],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    started.append(process)
    summary = ready(file, process)
    assert httpx.get(f"{summary['url']}/health").status_code == 200
    assert (state / ".gitignore").read_text() == "*\n"
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (0, "", "")


def test_kill_9_leaves_no_process(tmp_path: Path, started: Started) -> None:
    file = tmp_path / "ready.json"
    process = run(tmp_path, started, f"--ready-file={file}")
    ready(file, process)
    assert len(processes_below(tmp_path / "state")) > 2
    process.kill()
    process.wait(30)
    wait_until(lambda: processes_below(tmp_path / "state") == set())


def test_refuses_debug_false_by_name(tmp_path: Path, started: Started) -> None:
    process = run(tmp_path, started, debug=False)
    _out, err = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "DEBUG" in err
    assert not (tmp_path / "state").exists()


def test_second_instance_on_a_folder_is_refused(tmp_path: Path, started: Started) -> None:
    file = tmp_path / "ready.json"
    ready(file, run(tmp_path, started, f"--ready-file={file}"))
    second = run(tmp_path, started)
    _out, err = second.communicate(timeout=30)
    assert second.returncode == 1
    assert "choose another state folder" in err
    assert "Traceback" not in err


def test_without_the_extra_it_names_the_command_that_brings_it(
    tmp_path: Path, started: Started
) -> None:
    hidden = tmp_path / "uvicorn"
    hidden.mkdir()
    (hidden / "__init__.py").write_text("raise ImportError('gone', name='uvicorn')")
    process = run(tmp_path, started)
    _out, err = process.communicate(timeout=30)
    assert process.returncode == 2
    assert err == "spool_live.local needs uvicorn: pip install 'spool-live[local]'\n"
    assert "Traceback" not in err


def test_plan_makes_it_as_unkind_as_the_hosted_service(
    tmp_path: Path, settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DEBUG = True
    configs: list[LocalSupabaseConfig] = []
    monkeypatch.setattr(
        "spool_live.local.command.run_local_supabase",
        lambda config, on_ready: configs.append(config),
    )
    for options in [{}, {"plan": "free"}]:
        call_command("local_supabase", state_dir=tmp_path, **options)
    kind, unkind = configs
    assert kind.limits == Limits()
    assert not kind.sleeps_after_restart
    assert (unkind.limits.connections, unkind.limits.messages_per_second) == (200, 100)
    assert unkind.penalties.join_refused == 5
    assert unkind.sleeps_after_restart
