"""Counting in a real server of the Redis protocol: together, without it, and with it again."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import caches

from demo_project.stack.parts import find_broker
from spool_live.throttling.counting import AVOIDED_FOR, Counters, add_one

WAIT = 10.0


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Starts the server on its socket; what runs at the end is stopped."""
    running: list[subprocess.Popen[bytes]] = []
    path = tmp_path / "s"

    def run() -> subprocess.Popen[bytes]:
        path.unlink(missing_ok=True)
        quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        arguments = ["--port", "0", "--unixsocket", str(path), "--save", "", "--dir", str(tmp_path)]
        server = subprocess.Popen([find_broker(), *arguments], **quiet)
        running.append(server)
        deadline = time.monotonic() + WAIT
        while not path.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        assert path.exists()
        return server

    yield run
    for server in running:
        server.kill()
        server.wait(WAIT)


@pytest.fixture
def redis(settings: Any, tmp_path: Path) -> Iterator[None]:
    settings.CACHES = {
        **settings.CACHES,
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": f"unix://{tmp_path / 's'}",
        },
    }
    yield
    caches["default"].close()


def count(counters: Counters) -> int:
    return counters.run(lambda cache: add_one(cache, "n", 60))


@pytest.mark.usefixtures("redis")
def test_processes_count_together_and_lose_none(
    start: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spool_live.throttling.counting.DEADLINE", WAIT)  # a busy machine
    start()
    processes = [Counters() for _ in range(3)]
    threads = [
        threading.Thread(target=lambda c=c: [count(c) for _ in range(40)]) for c in processes
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT)
    assert count(Counters()) == 121
    assert not any(counters.degraded for counters in processes)


@pytest.mark.usefixtures("redis")
def test_server_that_dies_is_missed_by_nobody_and_found_again(start: Callable[[], Any]) -> None:
    now = [0.0]
    counters = Counters(lambda: now[0])
    server = start()
    assert [count(counters), count(counters)] == [1, 2]
    server.kill()
    server.wait(WAIT)
    assert [count(counters), count(counters)] == [1, 2], "for itself, from the start"
    assert counters.degraded
    start()
    now[0] += AVOIDED_FOR
    assert count(counters) == 1, "the new server counts from the start too"
    assert not counters.degraded


@pytest.mark.usefixtures("redis")
def test_server_that_stops_answering_costs_one_deadline(
    start: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spool_live.throttling.counting.DEADLINE", 0.1)
    counters = Counters()
    server = start()
    assert count(counters) == 1
    server.send_signal(signal.SIGSTOP)
    began = time.monotonic()
    assert [count(counters) for _ in range(5)] == [1, 2, 3, 4, 5]
    assert time.monotonic() - began < 5, "not the minutes that the library would wait"
    server.send_signal(signal.SIGCONT)
