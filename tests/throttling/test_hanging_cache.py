"""A cache server that takes connections and never answers: it costs a bounded number of threads."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.core.cache import caches
from django.core.cache.backends.locmem import LocMemCache

from spool_live.local.processes import wait_until
from spool_live.throttling import counting
from spool_live.throttling.counting import AVOIDED_FOR, MAX_CALLS, Counters, add_one
from tests.waiting import PATIENCE


class Silence:
    """Accepts on a port of its own, reads, and says nothing until it is closed."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self._listening.getsockname()[1]
        self._taken: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                taken, _ = self._listening.accept()
            except OSError:
                return
            self._taken.append(taken)

    @property
    def asked(self) -> int:
        """How many connections it has ever had."""
        return len(self._taken)

    def close(self) -> None:
        with contextlib.suppress(OSError):  # closed before
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for taken in self._taken:
            taken.close()


@pytest.fixture
def silence(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Silence]:
    """The configured cache, which does not answer; at the end it releases all threads that wait."""
    monkeypatch.setattr(counting, "DEADLINE", 0.2)
    silence = Silence()
    redis = "django.core.cache.backends.redis.RedisCache"
    settings.CACHES = {
        **settings.CACHES,
        "default": {"BACKEND": redis, "LOCATION": f"redis://127.0.0.1:{silence.port}"},
    }
    yield silence
    silence.close()
    wait_until(lambda: waiting_threads() == 0, PATIENCE)
    caches["default"].close()


def waiting_threads() -> int:
    """Threads that wait for the cache to answer."""
    return sum(thread.name == "spool-throttle" for thread in threading.enumerate())


def ask_at_once(counters: Counters, number: int) -> list[int]:
    """What so many requests count at the same moment."""
    together = threading.Barrier(number, timeout=PATIENCE)

    def ask() -> int:
        together.wait()
        return counters.run(lambda cache: add_one(cache, "n", 60))

    with ThreadPoolExecutor(number) as pool:
        asked = [pool.submit(ask) for _ in range(number)]
        return sorted(one.result(PATIENCE) for one in asked)


def test_number_of_threads_left_behind_is_bounded(
    silence: Silence, caplog: pytest.LogCaptureFixture
) -> None:
    now = [100.0]
    counters = Counters(lambda: now[0])
    number = 4 * MAX_CALLS
    for outage in range(MAX_CALLS + 2):
        counted = ask_at_once(counters, number)
        assert counted == [outage * number + n for n in range(1, number + 1)], "none goes uncounted"
        assert waiting_threads() <= MAX_CALLS
        now[0] += AVOIDED_FOR
    assert waiting_threads() == MAX_CALLS
    errors = [record for record in caplog.records if record.levelname == "ERROR"]
    assert {record.name for record in errors} == {counting.__name__}
    assert len(errors) == 1


def test_one_request_tries_for_all_whether_the_cache_is_back(silence: Silence) -> None:
    now = [100.0]
    counters = Counters(lambda: now[0])
    ask_at_once(counters, 1)
    assert counters.degraded
    before = silence.asked
    now[0] += AVOIDED_FOR
    ask_at_once(counters, 4 * MAX_CALLS)
    wait_until(lambda: silence.asked > before, PATIENCE)
    assert silence.asked == before + 1


def test_calls_may_be_made_again_when_the_server_has_hung_up(silence: Silence) -> None:
    ask_at_once(Counters(), 4 * MAX_CALLS)
    assert waiting_threads() == MAX_CALLS
    silence.close()
    wait_until(lambda: waiting_threads() == 0, PATIENCE)
    own = LocMemCache("test-places", {})
    for _ in range(2 * MAX_CALLS):
        assert counting.within(PATIENCE, lambda cache: "answered", own) == "answered"


def test_child_of_a_fork_may_make_as_many_calls(silence: Silence) -> None:
    ask_at_once(Counters(), 4 * MAX_CALLS)
    own = LocMemCache("test-fork", {})
    child = os.fork()
    if child == 0:
        try:
            for _ in range(MAX_CALLS):
                counting.within(PATIENCE, lambda cache: None, own)
        except BaseException:  # noqa: BLE001 - the child must not go on as a test session
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert status == 0
