"""Connections to PostgreSQL as the server's own user, with the functions that the server needs.

The functions are created in ``pg_temp`` of each session: so the developer's database stays as the
migrations made it, and the functions always have the version of this code.
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
    """One connection, opened when first needed and again after a loss. For one task at a time."""

    def __init__(self, conninfo: str) -> None:
        self._conninfo = conninfo
        self._connection: AsyncConnection[Row] | None = None

    async def fetch(self, query: LiteralString, parameters: Sequence[object]) -> list[Row]:
        """Run one statement in a transaction of its own; repeat it once if the connection was lost.

        Raises ``psycopg.OperationalError`` if the database cannot be reached, and the
        ``psycopg.Error`` of a statement that fails.
        """
        try:
            return await self._execute(query, parameters)
        except psycopg.OperationalError:
            if self._connection is not None and not self._connection.closed:
                raise
            return await self._execute(query, parameters)

    async def close(self) -> None:
        """Close the connection, if there is one."""
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
    """A few sessions, each used by one task at a time."""

    def __init__(self, conninfo: str, size: int) -> None:
        self._sessions = [Session(conninfo) for _ in range(size)]
        self._idle: asyncio.LifoQueue[Session] = asyncio.LifoQueue()
        for session in self._sessions:
            self._idle.put_nowait(session)

    async def fetch(self, query: LiteralString, parameters: Sequence[object]) -> list[Row]:
        """Call ``Session.fetch`` on the first session that is free."""
        session = await self._idle.get()
        try:
            return await session.fetch(query, parameters)
        finally:
            self._idle.put_nowait(session)

    async def close(self) -> None:
        """Close all connections."""
        for session in self._sessions:
            await session.close()


def _read_sql(name: str) -> bytes:
    return resources.files(__package__).joinpath("sql", f"{name}.sql").read_bytes()
