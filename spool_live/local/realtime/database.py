"""Connections to PostgreSQL as the server's own user, and the functions it brings along.

The functions are created in ``pg_temp`` of each session: the database the developer sees stays as
their migrations made it, and a function never is of another version than this code.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from importlib import resources
from typing import Any, LiteralString

import psycopg
from psycopg import AsyncConnection

Row = tuple[Any, ...]

_SCRIPTS = (
    "check_role",
    "filter_condition",
    "check_filter",
    "resolve_tables",
    "await_transactions",
    "evaluate_changes",
    "channel_policies",
)
_OPTIONS = (
    "-c statement_timeout=15s -c timezone=UTC -c datestyle=ISO -c client_min_messages=warning"
)


class Session:
    """One connection, opened when first needed and again when it was lost. Not for sharing."""

    def __init__(self, conninfo: str) -> None:
        self._conninfo = conninfo
        self._connection: AsyncConnection[Row] | None = None

    async def fetch(self, query: LiteralString, parameters: Sequence[object]) -> list[Row]:
        """Run one statement in a transaction of its own; repeat it once if the connection is gone.

        Raises ``psycopg.OperationalError`` where there is no database, and whatever
        ``psycopg.Error`` the statement meets.
        """
        try:
            return await self._execute(query, parameters)
        except psycopg.OperationalError:
            if self._connection is not None and not self._connection.closed:
                raise
            return await self._execute(query, parameters)

    async def close(self) -> None:
        """End the connection, if there is one."""
        if self._connection is not None:
            await self._connection.close()
            self._connection = None

    async def _execute(self, query: LiteralString, parameters: Sequence[object]) -> list[Row]:
        if self._connection is None or self._connection.closed:
            self._connection = await self._connect()
        cursor = await self._connection.execute(query, parameters)
        return await cursor.fetchall()

    async def _connect(self) -> AsyncConnection[Row]:
        connection = await AsyncConnection.connect(
            self._conninfo,
            autocommit=True,
            application_name="local realtime",
            options=_OPTIONS,
            connect_timeout=5,
        )
        try:
            for script in _SCRIPTS:
                await connection.execute(_read_sql(script))
        except BaseException:
            await connection.close()
            raise
        return connection


class SessionPool:
    """A few sessions that take turns."""

    def __init__(self, conninfo: str, size: int) -> None:
        self._sessions = [Session(conninfo) for _ in range(size)]
        self._idle: asyncio.LifoQueue[Session] = asyncio.LifoQueue()
        for session in self._sessions:
            self._idle.put_nowait(session)

    async def fetch(self, query: LiteralString, parameters: Sequence[object]) -> list[Row]:
        """``Session.fetch`` on the session that is free first."""
        session = await self._idle.get()
        try:
            return await session.fetch(query, parameters)
        finally:
            self._idle.put_nowait(session)

    async def close(self) -> None:
        """End all connections."""
        for session in self._sessions:
            await session.close()


def _read_sql(name: str) -> bytes:
    return resources.files(__package__).joinpath("sql", f"{name}.sql").read_bytes()
