"""Where the demo's programs come from."""

from __future__ import annotations

import stat
import subprocess
from pathlib import Path

import pytest

from demo_project.stack import parts
from demo_project.stack.parts import MissingProgram, broker, find_broker


def executable(path: Path) -> Path:
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_broker_from_the_wheel_is_a_real_server() -> None:
    version = subprocess.run(
        (find_broker(), "--version"), capture_output=True, text=True, check=True, timeout=20
    )
    assert "v=" in version.stdout


@pytest.mark.parametrize("name", ["valkey-server", "redis-server"])
def test_broker_from_path_serves_where_the_wheel_is_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    program = executable(tmp_path / name)
    monkeypatch.setattr(parts, "find_spec", lambda _: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_broker() == str(program)


def test_missing_broker_names_the_remedies(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(parts, "find_spec", lambda _: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingProgram, match=r"spool-live\[local\].*REDIS_URL"):
        find_broker()


def test_brokers_password_is_in_a_private_file_and_on_no_command_line(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    command = broker(tmp_path, 6390, "hush")
    configuration = Path(command.arguments[-1])
    assert "requirepass hush" in configuration.read_text()
    assert stat.S_IMODE(configuration.stat().st_mode) == 0o600
    assert "hush" not in " ".join(command.arguments) + repr(command)
