"""Connections of the role ``authenticator``, reused from request to request."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from psycopg import pq

from spool_live.local.rest.errors import ApiError, database_unavailable

_LONGEST_PAUSE = 32.0

Connection = psycopg.AsyncConnection[Any]


class ConnectionPool:
    """At most ``size`` connections in autocommit mode, opened when first needed.

    If one cannot be opened, there is no further attempt for ``first_pause`` seconds, then for twice
    as long, up to 32: so requests are refused for a while after the database is back. 0 never
    waits.
    """

    def __init__(
        self, conninfo: str, *, size: int = 10, patience: float = 10.0, first_pause: float = 0.0
    ) -> None:
        self._conninfo = conninfo
        self._first_pause = first_pause
        self._pause = 0.0
        self._not_before = 0.0
        self._patience = patience
        self._free = asyncio.Semaphore(size)
        self._idle: list[Connection] = []

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """Lend a connection for one request. If it is broken or in a transaction afterwards, it is
        discarded.

        Raises ``ApiError``: PGRST003 (504) after ``patience`` seconds without a free connection,
        PGRST001 (503) if the database cannot be reached.
        """
        try:
            async with asyncio.timeout(self._patience):
                await self._free.acquire()
        except TimeoutError:
            message = "Timed out acquiring connection from connection pool."
            raise ApiError(504, "PGRST003", message) from None
        try:
            connection = self._idle.pop() if self._idle else await self._open()
            try:
                yield connection
            finally:
                if connection.info.transaction_status == pq.TransactionStatus.IDLE:
                    self._idle.append(connection)
                else:
                    await connection.close()
        finally:
            self._free.release()

    async def _open(self) -> Connection:
        if (wait := self._not_before - time.monotonic()) > 0:
            raise database_unavailable(wait)
        try:
            connection = await self.connect()
        except psycopg.OperationalError as error:
            self._pause = min(max(self._first_pause, 2 * self._pause), _LONGEST_PAUSE)
            self._not_before = time.monotonic() + self._pause
            raise database_unavailable(self._pause) from error
        self._pause = 0.0
        return connection

    async def connect(self) -> Connection:
        """Return a new connection that the caller owns. It prepares no statements, as tables may
        change."""
        return await psycopg.AsyncConnection.connect(
            self._conninfo, autocommit=True, prepare_threshold=None
        )

    async def close(self) -> None:
        while self._idle:
            await self._idle.pop().close()
