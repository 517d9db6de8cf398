"""Stream committed changes from PostgreSQL by logical decoding.

A TEMPORARY slot is read with the streaming protocol, so nothing is left behind when the connection
ends, and nothing is replayed: a change that is committed while no connection reads is not
delivered, as with the real server. psycopg has no replication API; its libpq wrapper suffices.
"""

from __future__ import annotations

import asyncio
import os
import struct
import time
from collections.abc import AsyncGenerator, Sequence

from psycopg import OperationalError, pq
from psycopg.pq.abc import PGconn

from spool_live.local.realtime.pgoutput import Change, Decoder

# A walsender that is about to sleep may miss a commit at that moment, and sends it only when
# something wakes it up, seconds later. Every status message wakes it up; they are sent soon after
# a change, then less and less often.
_FIRST_STATUS_AFTER, _STATUS_AT_LEAST_EVERY = 0.005, 0.25
_XLOG_DATA_HEADER = 25
_KEEPALIVE = struct.Struct("!qqb")
_STATUS = struct.Struct("!cqqqqb")
_SECONDS_FROM_1970_TO_2000 = 946_684_800


class ReplicationStream:
    """One replication connection with its slot. Use ``open``, iterate, ``close``."""

    def __init__(self, connection: PGconn) -> None:
        self._connection = connection
        self._decoder = Decoder()
        self._received = 0

    @classmethod
    async def open(cls, conninfo: str, publications: Sequence[str]) -> ReplicationStream:
        """Connect, create the slot and start streaming ``publications`` from this moment on.

        Creating the slot waits for the transactions that are open at that moment. ``conninfo`` is a
        libpq URI of a role with REPLICATION. Raises ``psycopg.OperationalError``.
        """
        separator = "&" if "?" in conninfo else "?"
        connection = await asyncio.to_thread(
            pq.PGconn.connect, f"{conninfo}{separator}replication=database".encode()
        )
        stream = cls(connection)
        try:
            await stream._start(publications)
        except BaseException:
            stream.close()
            raise
        return stream

    async def __aiter__(self) -> AsyncGenerator[list[Change]]:
        """Yield committed changes in commit order, each time all that have arrived.

        Raises ``psycopg.OperationalError`` when the connection ends.
        """
        pause = _FIRST_STATUS_AFTER
        while True:
            changes, status_requested = self._drain()
            if status_requested:
                self._send_status()
            if changes:
                pause = _FIRST_STATUS_AFTER
                yield changes
            else:
                try:
                    async with asyncio.timeout(pause):
                        await self._more_input()
                except TimeoutError:
                    self._send_status()
                    pause = min(pause * 2, _STATUS_AT_LEAST_EVERY)

    def close(self) -> None:
        """End the connection; the server drops the slot."""
        self._connection.finish()

    async def _start(self, publications: Sequence[str]) -> None:
        if self._connection.status != pq.ConnStatus.OK:
            raise OperationalError(self._connection.get_error_message())
        slot = f"local_realtime_{os.getpid()}_{id(self):x}"
        await self._command(
            f"CREATE_REPLICATION_SLOT {slot} TEMPORARY LOGICAL pgoutput NOEXPORT_SNAPSHOT",
            pq.ExecStatus.TUPLES_OK,
        )
        names = ",".join(f'"{name}"' for name in publications)
        await self._command(
            f"START_REPLICATION SLOT {slot} LOGICAL 0/0"
            f" (proto_version '1', publication_names '{names}')",
            pq.ExecStatus.COPY_BOTH,
        )
        self._connection.nonblocking = 1

    async def _command(self, command: str, expected: int) -> None:
        self._connection.send_query(command.encode())
        while self._connection.is_busy():
            await self._more_input()
        result = self._connection.get_result()
        if result is None or result.status != expected:
            reason = result.get_error_message() if result else self._connection.get_error_message()
            raise OperationalError(reason)
        while expected != pq.ExecStatus.COPY_BOTH and self._connection.get_result():
            pass

    def _drain(self) -> tuple[list[Change], bool]:
        """Return the changes that have arrived, and whether the server requests a status
        message."""
        changes: list[Change] = []
        status_requested = False
        while True:
            length, data = self._connection.get_copy_data(1)
            if length == 0:
                return changes, status_requested
            if length < 0:
                raise OperationalError(
                    self._connection.get_error_message() or "the replication stream has ended"
                )
            message = bytes(data)
            if message[:1] == b"w":
                (self._received,) = struct.unpack_from("!q", message, 9)
                changes.extend(self._decoder.decode(message[_XLOG_DATA_HEADER:]))
            elif message[:1] == b"k":
                self._received, _sent_at, requested = _KEEPALIVE.unpack_from(message, 1)
                status_requested = status_requested or bool(requested)

    def _send_status(self) -> None:
        """Report everything read as processed, so that the slot does not retain WAL."""
        now = int((time.time() - _SECONDS_FROM_1970_TO_2000) * 1_000_000)
        position = self._received
        self._connection.put_copy_data(_STATUS.pack(b"r", position, position, position, now, 0))
        self._connection.flush()

    async def _more_input(self) -> None:
        """Wait until the server has sent something and read it."""
        loop = asyncio.get_running_loop()
        arrived: asyncio.Future[None] = loop.create_future()

        def notice_input() -> None:
            loop.remove_reader(descriptor)
            if not arrived.done():
                arrived.set_result(None)

        descriptor = self._connection.socket
        loop.add_reader(descriptor, notice_input)
        try:
            await arrived
        finally:
            loop.remove_reader(descriptor)
        self._connection.consume_input()
