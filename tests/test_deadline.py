"""A request ends with its deadline, whatever the name server or the server does."""

from __future__ import annotations

import threading

import httpcore
import pytest

from spool_live.deadline import Deadline, within


def test_connection_that_comes_too_late_is_closed() -> None:
    over, closed = threading.Event(), threading.Event()

    class Late:
        def close(self) -> None:
            closed.set()

    def connect() -> Late:
        over.wait(30)
        return Late()

    with pytest.raises(httpcore.ConnectTimeout):
        within(0.01, connect, Late.close)
    over.set()
    assert closed.wait(10)


def test_deadline_is_that_of_the_thread() -> None:
    deadline = Deadline()
    deadline.start(60)
    late: list[bool] = []

    def ask() -> None:
        try:
            deadline.left(None, httpcore.ReadTimeout)
        except httpcore.ReadTimeout:
            late.append(True)

    other = threading.Thread(target=ask)
    other.start()
    other.join()
    assert late == [True], "nothing was started on that thread"
    assert 0 < deadline.left(5, httpcore.ReadTimeout) <= 5
