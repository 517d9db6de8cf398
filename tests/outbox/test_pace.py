from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, connections

from spool_live.models import DeliveryCircuit
from spool_live.outbox import circuit, pace
from tests.outbox.conftest import Clock
from tests.sessions import threads
from tests.waiting import PATIENCE

Live = Callable[..., None]


def no_pause(seconds: float) -> None:
    raise AssertionError(f"paused for {seconds} s")


def road_of(turn: pace.Turn | None) -> pace.Turn:
    assert turn is not None
    return turn


@pytest.mark.django_db
class TestTurn:
    def test_without_a_rate_is_always_there(self, clock: Clock) -> None:
        for _ in range(3):
            road_of(pace.take_turn("default", no_pause)).carried(1_000)
        assert not DeliveryCircuit.objects.exists()

    def test_comes_when_the_batch_before_has_had_its_time(self, clock: Clock, live: Live) -> None:
        live(DELIVERY_RATE=10)
        road_of(pace.take_turn("default", no_pause)).carried(7)
        pauses: list[float] = []

        def pause(seconds: float) -> None:
            pauses.append(seconds)
            clock.advance(seconds=seconds)

        assert pace.take_turn("default", pause) is not None
        assert pauses == [pytest.approx(0.7)]

    def test_of_nothing_costs_nothing(self, clock: Clock, live: Live) -> None:
        live(DELIVERY_RATE=10)
        for _ in range(3):
            road_of(pace.take_turn("default", no_pause)).carried(0)

    def test_that_somebody_takes_after_our_look_is_theirs(self, clock: Clock, live: Live) -> None:
        live(DELIVERY_RATE=10)
        road_of(pace.take_turn("default", no_pause)).carried(1)

        def lose(seconds: float) -> None:
            clock.advance(seconds=seconds)
            road_of(pace.take_turn("default", no_pause)).carried(1)

        assert pace.take_turn("default", lose) is None

    def test_of_two_at_once_is_paid_for_twice(self, clock: Clock, live: Live) -> None:
        """The claim took longer than the time for which its turn is reserved."""
        live(DELIVERY_RATE=10)
        slow = road_of(pace.take_turn("default", no_pause))
        clock.advance(seconds=1)
        road_of(pace.take_turn("default", no_pause)).carried(10)
        slow.carried(10)
        assert DeliveryCircuit.objects.get().paced_until == clock.now + timedelta(seconds=2)

    def test_ends_where_the_clock_was_set_back(self, clock: Clock, live: Live) -> None:
        live(DELIVERY_RATE=10)
        road_of(pace.take_turn("default", no_pause)).carried(10)
        clock.advance(days=-2)
        assert pace.take_turn("default", no_pause) is not None

    def test_leaves_an_outage_as_it_is(self, clock: Clock, live: Live) -> None:
        live(DELIVERY_RATE=10)
        circuit.trip("default", "away", failures=0, until=clock.now)
        road_of(pace.take_turn("default", no_pause)).carried(10)
        assert circuit.failures("default") == 1


@pytest.mark.django_db(transaction=True)
def test_one_of_many_gets_the_turn(clock: Clock, live: Live) -> None:
    """The clock stands still: on a busy machine the turn would be over before the last one asks."""
    live(DELIVERY_RATE=10)
    barrier = threading.Barrier(4, timeout=30)

    def ask() -> bool:
        try:
            barrier.wait()
            return pace.take_turn("default", lambda seconds: None) is not None
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(ask) for _ in range(4)]
        assert sum(one.result(30) for one in asked) == 1


@pytest.mark.django_db(transaction=True)
def test_turn_that_another_takes_between_look_and_reservation_is_theirs(
    clock: Clock, live: Live
) -> None:
    live(DELIVERY_RATE=10)
    road_of(pace.take_turn("default", no_pause)).carried(0)
    theirs: list[pace.Turn | None] = []

    def be_overtaken(execute: Any, sql: str, *rest: Any) -> Any:
        if sql.startswith("UPDATE") and not theirs:
            with threads(1) as start:
                theirs.append(start(pace.take_turn, "default", no_pause).result(PATIENCE))
        return execute(sql, *rest)

    with connection.execute_wrapper(be_overtaken):
        assert pace.take_turn("default", lambda seconds: None) is None
    road_of(theirs[0])
