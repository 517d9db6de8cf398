from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

from spool_live.local.child import ChildProcess
from tests.local.processes import eventually

ESCALATION = ((signal.SIGINT, 0.2), (signal.SIGKILL, 5.0))


def child(tmp_path: Path, *command: str) -> ChildProcess:
    return ChildProcess(
        command,
        log_file=tmp_path / "log",
        environment={},
        folder=tmp_path,
        escalation=ESCALATION,
    )


def test_output_goes_to_the_log_and_the_status_is_told(tmp_path: Path) -> None:
    process = child(tmp_path, sys.executable, "-c", "print('hello'); raise SystemExit(3)")
    assert process.ended.result(10) == 3
    assert not process.running
    assert (tmp_path / "log").read_text() == "hello\n"


def test_program_that_is_not_there_is_an_error_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        child(tmp_path, str(tmp_path / "nothing"))


def test_stubborn_process_is_killed_in_the_end(tmp_path: Path) -> None:
    program = (
        "import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN);"
        "print('deaf', flush=True); time.sleep(60)"
    )
    process = child(tmp_path, sys.executable, "-c", program)
    eventually(lambda: (tmp_path / "log").read_text() == "deaf\n")
    process.stop()
    assert process.ended.result(10) == -signal.SIGKILL


def test_stop_of_what_has_ended_does_nothing(tmp_path: Path) -> None:
    process = child(tmp_path, sys.executable, "-c", "")
    assert process.ended.result(10) == 0
    process.stop()
    process.stop()
