"""Counting goes on whatever the cache does."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.core.cache.backends.dummy import DummyCache
from django.core.cache.backends.locmem import LocMemCache

from spool_live.throttling.counting import AVOIDED_FOR, Counters, add_one, within


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Shared:
    """A cache of another kind than Django's own: asked on a thread, with a deadline."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}
        self.broken = False
        self.asked = 0

    def incr(self, name: str) -> int:
        self.asked += 1
        if self.broken:
            raise ConnectionError
        if name not in self.numbers:
            raise ValueError(name)
        self.numbers[name] += 1
        return self.numbers[name]

    def add(self, name: str, value: int, timeout: float) -> bool:
        return self.numbers.setdefault(name, value) == value


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> Shared:
    cache = Shared()
    monkeypatch.setattr("spool_live.throttling.counting.shared_cache", lambda: cache)
    return cache


def count(counters: Counters) -> int:
    return counters.run(lambda cache: add_one(cache, "n", 60))


def test_two_processes_count_together(shared: Shared) -> None:
    assert [count(Counters()), count(Counters()), count(Counters())] == [1, 2, 3]


def test_dead_cache_is_avoided_for_a_while_and_then_tried_again(shared: Shared) -> None:
    clock = Clock()
    counters = Counters(clock)
    shared.broken = True
    assert [count(counters) for _ in range(5)] == [1, 2, 3, 4, 5]
    assert (shared.asked, counters.degraded) == (1, True)
    shared.broken = False
    clock.now += AVOIDED_FOR
    assert not counters.degraded
    assert count(counters) == 1, "the shared count again"


def test_cache_that_does_not_answer_costs_one_short_wait(
    shared: Shared, monkeypatch: pytest.MonkeyPatch
) -> None:
    hanging = threading.Event()
    monkeypatch.setattr(shared, "incr", lambda name: hanging.wait(30))
    monkeypatch.setattr("spool_live.throttling.counting.DEADLINE", 0.02)
    counters = Counters()
    assert [count(counters) for _ in range(3)] == [1, 2, 3]
    hanging.set()


def test_error_of_the_work_reaches_the_caller(shared: Shared) -> None:
    with pytest.raises(ValueError, match="n"):
        within(1, lambda cache: cache.incr("n"), shared)  # type: ignore[arg-type]


def test_dummy_cache_does_not_switch_the_throttle_off(monkeypatch: pytest.MonkeyPatch) -> None:
    dummy: Any = lambda: DummyCache("", {})  # noqa: E731
    monkeypatch.setattr("spool_live.throttling.counting.shared_cache", dummy)
    counters = Counters()
    assert [count(counters) for _ in range(3)] == [1, 2, 3]
    assert not counters.degraded


def test_counting_at_once_loses_none() -> None:
    cache = LocMemCache("test-counters", {})
    threads = [
        threading.Thread(target=lambda: [add_one(cache, "n", 60) for _ in range(200)])
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert cache.get("n") == 800
    cache.clear()
