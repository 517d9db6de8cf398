"""The lines of docs/how-to/supabase-js.md, as they stand there, on a socket that breaks."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import threading

import pytest

from tests.blocks import blocks_of
from tests.end_to_end.client.conftest import MakeChaos, asgi_cms, chaos
from tests.end_to_end.test_supabase_js import HERE as SUPABASE_JS
from tests.end_to_end.test_supabase_js import node_modules

__all__ = ["asgi_cms", "chaos", "node_modules"]  # fixtures
pytestmark = [pytest.mark.node, pytest.mark.usefixtures("node_modules")]

BLOCKS = blocks_of("docs/how-to/supabase-js.md")
WAIT = 30.0


def script(mode: str, supabase_url: str) -> str:
    """What the page says, with Supabase behind a proxy."""
    ten_lines, changes = (block.text for block in BLOCKS if block.language == "js")
    if mode == "postgres_changes":
        ten_lines = ten_lines.partition("const { topic, event }")[0] + changes
    moved = f"({{ ...await ask(), supabase_url: {json.dumps(supabase_url)} }})"
    return ten_lines.replace("let token = await ask()", f"let token = {moved}")


@pytest.mark.parametrize("mode", ["broadcast", "postgres_changes"])
def test_ten_lines_hold_over_a_broken_socket(chaos: MakeChaos, mode: str) -> None:
    world = chaos(mode=mode)
    process = subprocess.Popen(
        ["node", "--input-type=module", "--eval", script(mode, world.socket.url)],
        cwd=SUPABASE_JS,
        env={**os.environ, "SPOOL_API_KEY": world.key, "SPOOL_API_URL": world.cms.url},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,  # the command may be a script that starts Node
    )
    lines: queue.Queue[str] = queue.Queue()
    assert process.stdout

    def read() -> None:
        for line in process.stdout or ():
            lines.put(line)

    reader = threading.Thread(target=read)
    reader.start()
    printed: list[str] = []

    def edit_until_it_arrives() -> None:
        """This client does not report when it is ready, so edits are repeated until one arrives."""
        for _ in range(30):
            world.record(1)
            world.deliver()
            try:
                while "article-" not in (line := lines.get(timeout=1)):
                    printed.append(line)
            except queue.Empty:
                continue
            return
        pytest.fail(f"nothing arrived: {printed}")

    try:
        edit_until_it_arrives()
        world._on_loop(world.socket.abort)()
        while not lines.empty():
            lines.get()
        edit_until_it_arrives()
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(WAIT)
        reader.join(WAIT)
        process.stdout.close()
