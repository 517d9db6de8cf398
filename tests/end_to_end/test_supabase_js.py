"""supabase-js from npm, unchanged, on Node: the design document's client, with a token."""

from __future__ import annotations

import json
import queue
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.conftest import Road

HERE = Path(__file__).parent / "node"
WAIT = 20.0
READY = {
    "broadcast": "Replication connection established",
    "postgres_changes": "Subscribed to PostgreSQL",
}
pytestmark = pytest.mark.node


class Script:
    """One run of ``subscribe.mjs`` and the lines it printed."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: queue.Queue[dict[str, Any]] = queue.Queue()
        self.updates: list[dict[str, Any]] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def until(self, kind: str, text: str = "") -> Any:
        """Waits for a line of this kind whose value contains ``text``; collects updates."""
        while True:
            line = self.lines.get(timeout=WAIT)
            if line["kind"] == "update":
                self.updates.append(line["value"])
            if line["kind"] == kind and text in json.dumps(line["value"]):
                return line["value"]

    def cut(self) -> None:
        """Cuts its connections."""
        assert self.process.stdin
        self.process.stdin.write("break\n")
        self.process.stdin.flush()

    def close(self) -> None:
        """To be called when the process has ended."""
        self._reader.join(WAIT)
        assert self.process.stdout
        self.process.stdout.close()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.lines.put(json.loads(line))


@pytest.fixture(scope="session")
def node_modules() -> None:
    """supabase-js as the lock file says, unless it is there already."""
    if not (HERE / "node_modules" / "@supabase" / "supabase-js").is_dir():
        npm = shutil.which("npm")
        assert npm, "npm is missing: run tox run -e node, which brings it"
        subprocess.run([npm, "ci", "--silent"], cwd=HERE, check=True, timeout=120)


@contextmanager
def subscribed(**wanted: Any) -> Iterator[Script]:
    """``subscribe.mjs`` with these wishes on its standard input, so that no token is in ``ps``."""
    node = shutil.which("node")
    assert node, "node is missing: run tox run -e node, which brings it"
    process = subprocess.Popen(
        [node, "subscribe.mjs"],
        cwd=HERE,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin
    process.stdin.write(f"{json.dumps(wanted)}\n")
    process.stdin.flush()
    script = Script(process)
    try:
        yield script
    finally:
        process.stdin.close()
        process.wait(WAIT)
        script.close()


def wishes(answer: dict[str, Any], mode: str) -> dict[str, Any]:
    """What a front end does with the answer of ``POST token/``."""
    return {
        "url": answer["supabase_url"],
        "key": answer["supabase_key"],
        "token": answer["token"],
        "mode": mode,
        "topic": answer["realtime"][mode]["topic"],
        "filter": answer["realtime"]["postgres_changes"]["filter"],
    }


@pytest.mark.usefixtures("node_modules")
@pytest.mark.parametrize("mode", ["broadcast", "postgres_changes"])
def test_each_site_gets_its_own_updates(road: Road, mode: str) -> None:
    (site_a, key_a), (site_b, key_b) = road.site("A"), road.site("B")
    a, b = (wishes(road.token(key), mode) for key in (key_a, key_b))
    with subscribed(**a) as on_a, subscribed(**b) as on_b:
        on_a.until("system", READY[mode])
        on_b.until("system", READY[mode])
        road.edit(site_a, "for-a")
        road.edit(site_b, "for-b")
        assert on_a.until("update")["slug"] == "for-a"
        assert on_b.until("update")["slug"] == "for-b"
        road.edit(site_a, "last-of-a")
        assert on_a.until("update")["slug"] == "last-of-a"
    assert {u["site_id"] for u in on_a.updates} == {str(site_a.pk)}
    assert {u["site_id"] for u in on_b.updates} == {str(site_b.pk)}


@pytest.mark.usefixtures("node_modules")
@pytest.mark.parametrize("mode", ["broadcast", "postgres_changes"])
def test_broken_socket_is_joined_again_with_the_token(road: Road, mode: str) -> None:
    """With the option `accessToken`; a token that was set by `setAuth` is forgotten then."""
    site, key = road.site("A")
    with subscribed(**wishes(road.token(key), mode)) as script:
        script.until("system", READY[mode])
        road.edit(site, "before")
        assert script.until("update")["slug"] == "before"
        for number in range(2):
            script.cut()
            script.until("status", "CHANNEL_ERROR")
            script.until("system", READY[mode])
            road.edit(site, f"after-{number}")
            assert script.until("update")["slug"] == f"after-{number}"


@pytest.mark.usefixtures("node_modules")
@pytest.mark.parametrize("credential", ["other site's token", "anon key alone"])
def test_nobody_else_joins_the_private_topic(road: Road, credential: str) -> None:
    (_, key_a), (_, key_b) = road.site("A"), road.site("B")
    wanted = wishes(road.token(key_a), "broadcast")
    other = road.token(key_b)["token"] if credential == "other site's token" else None
    with subscribed(**{**wanted, "token": other}) as listener:
        assert "Unauthorized" in listener.until("status", "CHANNEL_ERROR")
    assert listener.updates == []


@pytest.mark.usefixtures("node_modules")
def test_another_sites_token_sees_nothing_of_the_table(road: Road) -> None:
    (site_a, key_a), (site_b, key_b) = road.site("A"), road.site("B")
    wanted = wishes(road.token(key_a), "postgres_changes")
    mine = wishes(road.token(key_b), "postgres_changes")
    with (
        subscribed(**{**wanted, "token": mine["token"]}) as nosy,
        subscribed(**mine) as on_b,
    ):
        nosy.until("system", READY["postgres_changes"])
        on_b.until("system", READY["postgres_changes"])
        road.edit(site_a, "for-a")
        road.edit(site_b, "for-b")
        assert on_b.until("update")["slug"] == "for-b"
        assert nosy.lines.empty()
    assert nosy.updates == []
