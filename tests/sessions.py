"""Several sessions of the content database at once, and whether one keeps another waiting."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Protocol, TypeVar

from django.db import connection, connections

T = TypeVar("T")


class Start(Protocol):
    """Calls a function on a thread of its own."""

    def __call__(self, function: Callable[..., T], *arguments: object) -> Future[T]: ...


@contextmanager
def threads(number: int) -> Iterator[Start]:
    """Starts functions on threads whose connections are closed behind them."""
    with ThreadPoolExecutor(number) as pool:

        def start(function: Callable[..., T], *arguments: object) -> Future[T]:
            def run() -> T:
                try:
                    return function(*arguments)
                finally:
                    connections.close_all()

            return pool.submit(run)

        yield start


def is_somebody_waiting() -> bool:
    """Whether this session keeps another waiting for a lock. Only PostgreSQL is asked; elsewhere
    the answer is yes, so a test there may pass without the race that it is about."""
    if connection.vendor != "postgresql":
        return True
    with connection.cursor() as cursor:
        cursor.execute(
            "select exists (select from pg_locks "
            "where not granted and pg_backend_pid() = any(pg_blocking_pids(pid)))"
        )
        return bool(cursor.fetchone()[0])
