"""Connections of the role ``authenticator``, reused from request to request."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from psycopg import pq

from spool_live.local.rest.errors import ApiError

Connection = psycopg.AsyncConnection[Any]


class ConnectionPool:
    """At most ``size`` connections in autocommit mode, opened when first needed."""

    def __init__(self, conninfo: str, *, size: int = 10, patience: float = 10.0) -> None:
        self._conninfo = conninfo
        self._patience = patience
        self._free = asyncio.Semaphore(size)
        self._idle: list[Connection] = []

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection for one request; one that broke or was left in a transaction is thrown away.

        Raises :class:`~.errors.ApiError` (PGRST003, 504) after ``patience`` seconds without a free
        one, and :class:`psycopg.OperationalError` where the database cannot be reached.
        """
        try:
            async with asyncio.timeout(self._patience):
                await self._free.acquire()
        except TimeoutError:
            message = "Timed out acquiring connection from connection pool."
            raise ApiError(504, "PGRST003", message) from None
        try:
            connection = self._idle.pop() if self._idle else await self.connect()
            try:
                yield connection
            finally:
                if connection.info.transaction_status == pq.TransactionStatus.IDLE:
                    self._idle.append(connection)
                else:
                    await connection.close()
        finally:
            self._free.release()

    async def connect(self) -> Connection:
        """A connection of the caller's own. Statements are not prepared: tables may change."""
        return await psycopg.AsyncConnection.connect(
            self._conninfo, autocommit=True, prepare_threshold=None
        )

    async def close(self) -> None:
        while self._idle:
            await self._idle.pop().close()
