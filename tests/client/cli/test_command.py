"""The console command, as a process, against real servers."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from spool_live.client import LiveUpdate, Reset
from spool_live.client.cli.check import check, clock
from spool_live.client.cli.tail import as_line
from tests.client.cms import KEY
from tests.client.conftest import World
from tests.client.engine.test_sequencer import update
from tests.waiting import eventually

COMMAND = [
    sys.executable,
    "-c",
    "import sys; from spool_live.client.cli import main; sys.exit(main())",
]


class Process:
    """A running `spool-live`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def line(self) -> str:
        async with asyncio.timeout(60):
            assert self.process.stdout is not None
            return (await self.process.stdout.readline()).decode().strip()

    async def wait_for_line(self, text: str) -> None:
        """Wait for a line on stderr that contains ``text``."""
        async with asyncio.timeout(60):
            assert self.process.stderr is not None
            while line := (await self.process.stderr.readline()).decode():
                if text in line:
                    return
        pytest.fail(f"never wrote {text!r}")

    async def end(self) -> tuple[int, str, str]:
        async with asyncio.timeout(60):
            out, err = await self.process.communicate()
        assert self.process.returncode is not None
        return self.process.returncode, out.decode(), err.decode()


async def spool_live(world: World, *arguments: str, **environ: str) -> Process:
    variables = {
        "SPOOL_API_KEY": KEY,
        "SPOOL_SITE_ID": world.cms.site_id,
        "SPOOL_API_URL": world.cms.url,
    }
    return Process(
        await asyncio.create_subprocess_exec(
            *COMMAND,
            *arguments,
            env=os.environ | variables | environ,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            # A suite that runs in the background may ignore SIGINT, and so would its children.
            preexec_fn=hear_sigint,
        )
    )


def hear_sigint() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


async def test_tail_prints_updates_until_interrupted(world: World) -> None:
    tail = await spool_live(world, "tail")
    await tail.wait_for_line("-- live")
    await world.publish(metadata={"title": "Hello"})
    assert await tail.line() == (
        "2026-11-22T10:00:00  content.updated    articles/article-1  “Hello”  #1"
    )
    tail.process.send_signal(signal.SIGINT)
    assert (await tail.end())[0] == 0


async def test_tail_json_is_the_wire(world: World) -> None:
    tail = await spool_live(world, "tail", "--json", "--count", "2", "--collection", "pages")
    await tail.wait_for_line("-- live")
    await world.publish()
    sent = await world.publish(2, collection="pages")
    assert [json.loads(await tail.line()) for _ in range(2)] == sent
    assert (await tail.end())[0] == 0


async def test_tail_runs_a_command_for_each_update(world: World, tmp_path: Path) -> None:
    script = tmp_path / "on_update.py"
    script.write_text(
        "import json, os, sys\n"
        "update = json.load(sys.stdin)\n"
        f"open({str(tmp_path / 'log')!r}, 'a').write("
        "f\"{os.environ['SPOOL_EVENT_TYPE']} {os.environ['SPOOL_SLUG']} {update['seq']}\\n\")\n"
        "sys.exit(3)\n"
    )
    command = f"{sys.executable} {script}"
    tail = await spool_live(world, "tail", "--exec", command, "--count", "2")
    await tail.wait_for_line("-- live")
    await world.publish(2)
    status, _, err = await tail.end()
    assert status == 0
    assert "exit status 3" in err
    assert (tmp_path / "log").read_text() == (
        "content.updated article-1 1\ncontent.updated article-2 2\n"
    )


async def test_tail_goes_on_from_its_cursor(world: World, tmp_path: Path) -> None:
    cursor = str(tmp_path / "cursor")
    for _ in range(3):
        world.cms.record()
    first = await spool_live(world, "tail", "--since", "0", "--cursor", cursor, "--count", "2")
    await first.end()
    second = await spool_live(world, "tail", "--json", "--cursor", cursor, "--count", "1")
    status, out, _ = await second.end()
    assert status == 0
    assert json.loads(out)["seq"] == 3


async def test_wrong_key_is_status_2_and_told(world: World) -> None:
    status, _, err = await (await spool_live(world, "tail", SPOOL_API_KEY="wrong")).end()
    assert status == 2
    assert "Check SPOOL_API_KEY and SPOOL_SITE_ID" in err


async def test_missing_variable_is_named(world: World) -> None:
    status, _, err = await (await spool_live(world, "check", SPOOL_API_URL="")).end()
    assert status == 2
    assert "SPOOL_API_URL" in err


@pytest.mark.parametrize("command", ["", "sh -c 'unbalanced"])
async def test_command_that_cannot_be_run_is_refused_at_once(world: World, command: str) -> None:
    status, _, err = await (await spool_live(world, "tail", "--exec", command)).end()
    assert status == 2
    assert "--exec" in err


async def test_check_walks_the_whole_road(world: World) -> None:
    status, out, err = await (await spool_live(world, "check")).end()
    steps = [line.split(":")[0] for line in out.splitlines()]
    assert steps == [
        f"ok    {s}" for s in ("key", "clock", "token", "catch-up", "socket", "latency")
    ]
    assert (status, err) == (0, "")
    assert KEY not in out


async def test_check_json(world: World) -> None:
    _, out, _ = await (await spool_live(world, "check", "--json")).end()
    findings = [json.loads(line) for line in out.splitlines()]
    assert findings[0]["step"] == "key"
    assert all(finding["ok"] is True for finding in findings)


async def test_check_stops_where_the_road_ends_and_names_the_remedy(world: World) -> None:
    world.realtime.refuse_join = "JwtSignatureError: Failed to validate JWT signature"
    status, out, _ = await (await spool_live(world, "check")).end()
    assert status == 1
    assert "FAIL  socket: " in out
    assert "JWT_SIGNING_KEY" in out


async def test_check_of_a_channel_that_never_becomes_ready(world: World, fast: Any) -> None:
    world.cms.mode = "postgres_changes"
    world.realtime.says_ready = False
    config = world.config(timing=fast(ready_postgres_changes=0.1))
    findings = [finding async for finding in check(config)]
    socket = findings[-2]
    assert socket.ok is False
    assert "live_setup" in socket.remedy


@pytest.mark.parametrize(
    ("ahead", "ok", "text"),
    [
        (0.7, True, "agrees"),
        (2.2, True, "2 s ahead"),
        (-3.0, True, "3 s behind"),
        (300.0, None, "300 s ahead"),
        (None, None, "no Date"),
    ],
)
def test_check_tells_a_clock_that_is_wrong(ahead: float | None, ok: bool | None, text: str) -> None:
    finding = clock(ahead)
    assert finding.ok is ok
    assert text in finding.detail
    assert bool(finding.remedy) is (ok is None)


def test_line_of_a_reset() -> None:
    assert "fetch your content anew" in as_line(Reset(7), as_json=False, colour=False)
    assert json.loads(as_line(Reset(7), as_json=True, colour=False)) == {
        "reset": "history",
        "seq": 7,
    }


def test_line_in_colour() -> None:
    nameless: LiveUpdate = update(3)
    line = as_line(nameless, as_json=False, colour=True)
    assert "\x1b[33mcontent.updated" in line
    assert "articles/i" in line


@pytest.fixture(autouse=True)
async def _processes_end(world: World) -> AsyncIterator[None]:
    yield
    await eventually(lambda: not world.realtime.joined)
