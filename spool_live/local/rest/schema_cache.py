"""Keep the database's catalog in memory, and up to date."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress

import psycopg

from spool_live.local.rest.catalog import Catalog, load_catalog
from spool_live.local.rest.errors import ApiError
from spool_live.local.rest.pool import Connection, ConnectionPool

_RELISTEN_AFTER = 1.0

logger = logging.getLogger(__name__)


class SchemaCache:
    """The catalog that was read last. Only ``NOTIFY pgrst``, with any payload, makes it read again.

    Without that, tables created later are unknown here, as on the real server.
    """

    def __init__(self, pool: ConnectionPool, schemas: Sequence[str]) -> None:
        self._pool = pool
        self._schemas = schemas
        self._catalog: Catalog | None = None
        self._loading = asyncio.Lock()
        self._listener: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Read the catalog and begin to listen. Raises ``psycopg.Error``."""
        connection = await self._pool.connect()
        self._listener = asyncio.create_task(self._listen(connection), name="schema cache reloads")
        await self.current()

    async def stop(self) -> None:
        if self._listener is not None:
            self._listener.cancel()
            with suppress(asyncio.CancelledError):
                await self._listener

    async def current(self) -> Catalog:
        """Return the catalog that was read last."""
        return self._catalog or await self.newer_than(None)

    async def newer_than(self, known: Catalog | None) -> Catalog:
        """Return a catalog other than ``known``; callers that wait at the same time share it."""
        async with self._loading:
            if self._catalog is None or self._catalog is known:
                async with self._pool.connection() as connection:
                    self._catalog = await load_catalog(connection, self._schemas)
            return self._catalog

    async def _listen(self, connection: Connection) -> None:
        while True:
            try:
                async with connection:
                    await connection.execute("listen pgrst")
                    await self.newer_than(self._catalog)  # it may have changed before
                    async for _ in connection.notifies():
                        await self.newer_than(self._catalog)
            except (psycopg.Error, ApiError) as error:
                logger.warning(
                    "Requests to reload the schema cache cannot be received at the moment: %s",
                    error,
                )
            connection = await self._connect_again()

    async def _connect_again(self) -> Connection:
        while True:
            await asyncio.sleep(_RELISTEN_AFTER)
            with suppress(psycopg.Error):
                return await self._pool.connect()
