"""Starting in order, stopping in reverse, and nothing left behind, with real processes."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from demo_project.supervision import Command, ServiceFailed, Supervisor
from demo_project.supervision.lock import AlreadyRunning, exclusive
from demo_project.supervision.probes import accepts_connections, file_exists
from spool_live.local.processes import listen, port_of, wait_until

from .processes import alive

STAYS = "import time; time.sleep(60)"
OBEYS = """
import pathlib, signal, sys, time
def leave(*_):
    with open({journal!r}, "a") as journal:
        print({name!r}, file=journal)
    sys.exit()
signal.signal(signal.SIGTERM, leave)
pathlib.Path({ready!r}).touch()
time.sleep(60)
"""
STUBBORN = """
import pathlib, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
pathlib.Path({ready!r}).touch()
time.sleep(60)
"""


def python(name: str, code: str, **options: float) -> Command:
    return Command(name, (sys.executable, "-c", textwrap.dedent(code)), **options)  # type: ignore[arg-type]


def ignore(name: str, seconds: float) -> None:
    """A report that nobody reads."""


def pid_of_last(supervisor: Supervisor) -> int:
    process = supervisor._services[-1]._process
    assert process is not None
    return process.pid


async def yes() -> bool:
    return True


async def test_services_stop_in_reverse_order(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    async with Supervisor(tmp_path / "logs", ignore) as supervisor:
        for name in ("first", "second", "third"):
            ready = tmp_path / name
            code = OBEYS.format(journal=str(journal), name=name, ready=str(ready))
            await supervisor.start(python(name, code), file_exists(ready))
    assert journal.read_text().split() == ["third", "second", "first"]


async def test_start_reports_a_service_only_when_it_is_ready(tmp_path: Path) -> None:
    reported: list[str] = []
    ready = tmp_path / "ready"
    code = f"import pathlib, time; time.sleep(.3); pathlib.Path({str(ready)!r}).touch()"
    slow = python("slow", f"{code}; time.sleep(60)")
    async with Supervisor(tmp_path / "logs", lambda name, _: reported.append(name)) as supervisor:
        starting = asyncio.create_task(supervisor.start(slow, file_exists(ready)))
        await asyncio.sleep(0)
        assert reported == []
        await starting
        assert reported == ["slow"]
        assert ready.exists()


async def test_start_shows_the_end_of_the_log_of_a_service_that_dies(tmp_path: Path) -> None:
    dies = python("dies", "print('no room'); raise SystemExit(3)")
    async with Supervisor(tmp_path / "logs", ignore) as supervisor:
        with pytest.raises(ServiceFailed, match="dies ended with status 3") as failure:
            await supervisor.start(dies, file_exists(tmp_path / "never"))
    assert failure.value.lines == ["no room"]


async def test_start_gives_up_on_a_service_that_is_late(tmp_path: Path) -> None:
    late = python("late", STAYS, patience=0.2)
    async with Supervisor(tmp_path / "logs", ignore) as supervisor:
        with pytest.raises(ServiceFailed, match=r"late was not ready within 0 s"):
            await supervisor.start(late, file_exists(tmp_path / "never"))
        pid = pid_of_last(supervisor)
    assert not alive(pid)


async def test_run_raises_for_a_command_that_fails(tmp_path: Path) -> None:
    async with Supervisor(tmp_path / "logs", ignore) as supervisor:
        await supervisor.run(python("fine", "print('done')"))
        with pytest.raises(ServiceFailed, match="broken ended with status 1"):
            await supervisor.run(python("broken", "raise SystemExit('no')"))


async def test_watch_raises_when_a_service_is_killed(tmp_path: Path) -> None:
    async with Supervisor(tmp_path / "logs", ignore) as supervisor:
        await supervisor.start(python("stays", STAYS), yes)
        await supervisor.start(python("killed", STAYS), yes)
        os.kill(pid_of_last(supervisor), signal.SIGKILL)
        with pytest.raises(ServiceFailed, match="killed ended with status -9"):
            await supervisor.watch()


async def test_a_service_that_ignores_its_signal_is_killed(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    stubborn = python("stubborn", STUBBORN.format(ready=str(ready)), grace=0.2)
    async with Supervisor(tmp_path / "logs", ignore) as supervisor:
        await supervisor.start(stubborn, file_exists(ready))
        pid = pid_of_last(supervisor)
    assert not alive(pid)


async def test_stop_ends_what_a_service_has_started_too(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    parent = f"""
        import pathlib, subprocess, sys, time
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        pathlib.Path({str(pid_file)!r}).write_text(str(child.pid))
        time.sleep(60)
    """
    async with Supervisor(tmp_path / "logs", ignore) as supervisor:
        await supervisor.start(python("parent", parent), file_exists(pid_file))
        wait_until(lambda: pid_file.read_text() != "")
        child = int(pid_file.read_text())
        assert alive(child)
    wait_until(lambda: not alive(child))


async def test_service_inherits_its_sockets(tmp_path: Path) -> None:
    with listen(0) as listener:
        code = f"""
            import socket
            connection, _ = socket.socket(fileno={listener.fileno()}).accept()
            connection.sendall(b"from the child")
        """
        command = replace(python("server", code), sockets=(listener.fileno(),))
        async with Supervisor(tmp_path / "logs", ignore) as supervisor:
            await supervisor.start(command, yes)
            reader, writer = await asyncio.open_connection("127.0.0.1", port_of(listener))
            assert await reader.read() == b"from the child"
            writer.close()
            await writer.wait_closed()


async def test_probe_sees_who_listens() -> None:
    server = await asyncio.start_server(lambda r, w: w.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    assert await accepts_connections(port)()
    server.close()
    await server.wait_closed()
    assert not await accepts_connections(port)()


SUPERVISED = """
import asyncio, json, pathlib, sys
from demo_project.supervision import Command, Supervisor
from demo_project.supervision.probes import file_exists

folder, grace = pathlib.Path(sys.argv[1]), float(sys.argv[2])
plain = "import time; time.sleep(60)"
stubborn = (
    "import pathlib, signal, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    "pathlib.Path(sys.argv[1]).touch(); time.sleep(60)"
)

def python(name, code, *arguments, **options):
    return Command(name, (sys.executable, "-c", code, *arguments), **options)

async def yes():
    return True

async def main():
    async with Supervisor(folder / "logs", lambda *_: None) as supervisor:
        ready = folder / "ready"
        await supervisor.start(python("plain", plain), yes)
        await supervisor.start(
            python("stubborn", stubborn, str(ready), grace=grace, orphan_signal=9),
            file_exists(ready),
        )
        pids = [each._process.pid for each in supervisor._services]
        (folder / "pids.new").write_text(json.dumps(pids))
        (folder / "pids.new").rename(folder / "pids")
        await supervisor.watch()

try:
    asyncio.run(main())
except asyncio.CancelledError:
    print("stopped in order")
"""


Starter = Callable[..., tuple[subprocess.Popen[str], list[int]]]


@pytest.fixture
def supervised(tmp_path: Path) -> Starter:
    """Starts a supervisor process with two children; returns it and the children's ids."""

    def start(*, grace: float) -> tuple[subprocess.Popen[str], list[int]]:
        process = subprocess.Popen(
            (sys.executable, "-c", SUPERVISED, str(tmp_path), str(grace)),
            stdout=subprocess.PIPE,
            text=True,
        )
        wait_until((tmp_path / "pids").exists)
        pids = [int(pid) for pid in (tmp_path / "pids").read_text().strip("[]").split(",")]
        assert all(alive(pid) for pid in pids)
        return process, pids

    return start


@pytest.mark.skipif(sys.platform != "linux", reason="parent-death signals are Linux's")
def test_kill_9_of_the_supervisor_leaves_no_child(
    supervised: Starter,
) -> None:
    process, pids = supervised(grace=5)
    with process:
        process.kill()
    wait_until(lambda: not any(alive(pid) for pid in pids))


def test_several_interrupts_within_moments_count_once(
    supervised: Starter,
) -> None:
    process, pids = supervised(grace=1)
    with process:
        for _ in range(3):
            process.send_signal(signal.SIGINT)
            time.sleep(0.05)
        assert process.stdout is not None
        assert process.stdout.read() == "stopped in order\n"
    assert process.returncode == 0
    assert not any(alive(pid) for pid in pids)


def test_a_second_interrupt_after_a_while_kills_what_is_left(
    supervised: Starter,
) -> None:
    process, pids = supervised(grace=60)
    began = time.monotonic()
    with process:
        process.send_signal(signal.SIGINT)
        while process.poll() is None and time.monotonic() - began < 30:
            time.sleep(0.5)
            process.send_signal(signal.SIGINT)
    assert time.monotonic() - began < 30
    assert not any(alive(pid) for pid in pids)


def test_lock_is_exclusive_and_free_again_afterwards(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with exclusive(path), pytest.raises(AlreadyRunning), exclusive(path):
        pytest.fail("both got it")
    with exclusive(path):
        pass
