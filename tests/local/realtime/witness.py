"""Proves that a frame does not come, without waiting for it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.local.realtime.serving import Serving
from tests.local.realtime.sql import Sql
from tests.local.realtime.wire import Wire, connect, mint


class Witness:
    """A subscriber that sees every row of ``witnessed``. Changes and broadcasts are handed out in
    commit order, so what an earlier commit causes is on its way when a later one has come here."""

    def __init__(self, wire: Wire, sql: Sql) -> None:
        self._wire = wire
        self._sql = sql

    @classmethod
    @asynccontextmanager
    async def of(cls, serving: Serving, sql: Sql) -> AsyncIterator[Witness]:
        async with connect(serving, host="realtime-dev.localhost") as wire:
            binding = {"event": "INSERT", "schema": "public", "table": "witnessed"}
            await wire.subscribe("witness", mint(serving), binding)
            yield cls(wire, sql)

    async def everything_sent(self) -> None:
        """Return when all that has been committed so far has been sent to whom it concerns."""
        ((number,),) = self._sql("insert into witnessed default values returning id")
        while not _reports(await self._wire.receive(), number):
            pass


def _reports(frame: dict[str, Any], number: int) -> bool:
    """Whether this is the row; the published tables may have been announced anew before it."""
    if frame["event"] != "postgres_changes":
        return False
    return bool(frame["payload"]["data"]["record"]["id"] == number)
