"""The files in docs/deploy are what their readers take; the page about them says what is there."""

from __future__ import annotations

import configparser
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from celery.bin.celery import celery
from django.core.management import get_commands, load_command_class

from spool_live.doctor import RolloutPhase

DOCS = Path(__file__).parent.parent / "docs"
PAGE = DOCS / "how-to" / "deploy.md"
COMPOSE = sorted((DOCS / "deploy").glob("*.yaml"))
UNITS = sorted((DOCS / "deploy" / "systemd").iterdir())
SERVICES = [path for path in UNITS if path.suffix == ".service"]


def lines_of(path: Path, key: str) -> list[str]:
    """All values of ``key`` in a unit."""
    return re.findall(rf"^{key}=(.*)$", path.read_text("utf-8"), re.MULTILINE)


def arguments(line: str) -> list[str]:
    """What follows ``manage.py`` in a command line."""
    return shlex.split(line.partition("manage.py ")[2], comments=True)


def parses(words: list[str]) -> bool:
    """Whether ``manage.py`` takes this. Raises ``CommandError`` for options that are not there."""
    name, *options = ["default" if word == "supabase" else word for word in words]
    command = load_command_class(get_commands()[name], name)
    return bool(command.create_parser("manage.py", name).parse_args(options))


def is_celerys(words: list[str]) -> bool:
    """Whether Celery has this command, with these options."""
    name, *options = words
    known = {option for parameter in celery.commands[name].params for option in parameter.opts}
    return {word.partition("=")[0] for word in options if word.startswith("--")} <= known


@pytest.mark.parametrize("path", COMPOSE, ids=lambda path: path.name)
def test_compose_file_fits_the_specification(path: Path) -> None:
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    done = subprocess.run(
        [*check, str(path)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout


def test_what_does_not_fit_is_noticed(tmp_path: Path) -> None:
    broken = tmp_path / "compose.yaml"
    broken.write_text(COMPOSE[-1].read_text("utf-8").replace("stop_signal:", "stop_signals:"))
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    done = subprocess.run([*check, str(broken)], capture_output=True, timeout=60, check=False)
    assert done.returncode == 1


def test_compose_runs_commands_that_are_there() -> None:
    text = (DOCS / "deploy" / "compose.yaml").read_text("utf-8")
    found = re.findall(r"\[python, manage\.py, ([^\]]*)\]", text)
    assert found
    assert all(parses([word.strip() for word in one.split(",")]) for one in found)
    for one in re.findall(r"\[celery, --app, cms, ([^\]]*)\]", text):
        assert is_celerys([word.strip(' "') for word in one.split(",")])


@pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.name)
def test_service_runs_what_is_there_and_starts_again(path: Path) -> None:
    [line] = lines_of(path, "ExecStart")
    program, *words = shlex.split(line)
    assert program.startswith("/srv/cms/venv/bin/")
    if "manage.py" in words:
        assert parses(arguments(line))
    elif program.endswith("celery"):
        assert words[:2] == ["--app", "cms"]
        assert is_celerys(words[2:])
    if lines_of(path, "Type") == ["oneshot"]:
        assert path.with_suffix(".timer") in UNITS
    else:
        assert (lines_of(path, "Restart"), lines_of(path, "StartLimitIntervalSec")) == (
            ["always"],
            ["0"],
        )


def test_each_process_has_its_own_secrets_only() -> None:
    files = {path.stem: lines_of(path, "EnvironmentFile") for path in SERVICES}
    assert {name for name, given in files.items() if "/etc/cms/operator.env" in given} == {
        "cms-doctor"
    }
    assert "/etc/cms/worker.env" not in files["cms-web"]
    assert all("/etc/cms/web.env" not in files[f"cms-{name}"] for name in ("worker", "deliver"))


def test_pooler_is_in_transaction_mode() -> None:
    config = configparser.ConfigParser()
    config.read_string((DOCS / "deploy" / "pgbouncer.ini").read_text("utf-8"))
    assert config["pgbouncer"]["pool_mode"] == "transaction"


def test_page_names_every_file_and_each_phase_with_its_proof() -> None:
    text = PAGE.read_text("utf-8")
    missing = [path.name for path in (*UNITS, *COMPOSE) if path.name not in text]
    assert not missing
    for phase in RolloutPhase:
        assert f"live_doctor --phase {phase.value}" in text
    commands = [arguments(line) for line in re.findall(r"python manage\.py [^\n`]*", text)]
    assert len(commands) >= 10
    assert all(parses(words) for words in commands)


@pytest.mark.slow
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    program = shutil.which("systemd-analyze")
    assert program, "install Debian's package systemd"
    for path in UNITS:
        text = re.sub(
            r"^ExecStart=\S+", "ExecStart=/bin/true", path.read_text("utf-8"), flags=re.MULTILINE
        )
        (tmp_path / path.name).write_text(text)
    done = subprocess.run(
        [program, "--man=no", "verify", *map(str, sorted(tmp_path.iterdir()))],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    said = [line for line in done.stderr.splitlines() if "cms-" in line]
    assert (said, done.returncode) == ([], 0), done.stderr
