from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

from spool_live.local.processes import ChildProcess, wait_until

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


def test_log_may_be_kept_and_standard_output_dropped(tmp_path: Path) -> None:
    log, say = tmp_path / "log", "import sys; print('out'); print('error', file=sys.stderr)"
    log.write_text("before\n")
    command = [sys.executable, "-c", say]
    process = ChildProcess(command, log_file=log, append=True, errors_only=True)
    assert process.ended.result(10) == 0
    assert log.read_text() == "before\nerror\n"


def test_killing_ends_what_it_started_too(tmp_path: Path) -> None:
    parent = (
        "import subprocess, sys, time;"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']);"
        "print(child.pid, flush=True); time.sleep(60)"
    )
    process = child(tmp_path, sys.executable, "-c", parent)
    wait_until(lambda: (tmp_path / "log").read_text().endswith("\n"))
    grandchild = Path(f"/proc/{(tmp_path / 'log').read_text().strip()}")
    assert grandchild.exists()
    process.kill()
    wait_until(lambda: not grandchild.exists() or "Z" in (grandchild / "stat").read_text())


def test_waiting_in_vain_names_what_did_not_come() -> None:
    with pytest.raises(TimeoutError, match=r"not within 0.05 s: the moon"):
        wait_until(lambda: False, 0.05, what="the moon")


def test_stubborn_process_is_killed_in_the_end(tmp_path: Path) -> None:
    program = (
        "import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN);"
        "print('deaf', flush=True); time.sleep(60)"
    )
    process = child(tmp_path, sys.executable, "-c", program)
    wait_until(lambda: (tmp_path / "log").read_text() == "deaf\n")
    process.stop()
    assert process.ended.result(10) == -signal.SIGKILL


def test_stop_of_what_has_ended_does_nothing(tmp_path: Path) -> None:
    process = child(tmp_path, sys.executable, "-c", "")
    assert process.ended.result(10) == 0
    process.stop()
    process.stop()
