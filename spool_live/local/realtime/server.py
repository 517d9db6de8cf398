"""The realtime half as a whole: its routes and its background tasks."""

from __future__ import annotations

import asyncio
import hmac
import logging
import sys
import time
from collections.abc import Awaitable, Callable

import psycopg
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute

from spool_live.local.bootstrap import MAKE_PARTITIONS
from spool_live.local.config import LocalSupabaseConfig
from spool_live.local.realtime.broadcast_api import BroadcastApi
from spool_live.local.realtime.broadcasts import broadcast_row, is_message_table
from spool_live.local.realtime.database import Session, SessionPool
from spool_live.local.realtime.dormancy import Dormancy
from spool_live.local.realtime.endpoint import WebSocketEndpoint
from spool_live.local.realtime.feed import ChangeFeed
from spool_live.local.realtime.options import RealtimeOptions
from spool_live.local.realtime.pgoutput import Change
from spool_live.local.realtime.policies import ChannelPolicies
from spool_live.local.realtime.rates import Rate
from spool_live.local.realtime.replication import ReplicationStream
from spool_live.local.realtime.services import Services
from spool_live.local.realtime.socket import RESTART
from spool_live.local.realtime.subscriptions import Subscriptions

logger = logging.getLogger(__name__)

MAX_FRAME = 5_000_000
"""Largest frame the real server reads; for ``ws_max_size`` of the ASGI server."""

_SERVER_ROLE = "supabase_admin"
_PUBLICATIONS = ("supabase_realtime", "supabase_realtime_messages_publication")
_POOL_SIZE = 4
_STREAMING_WITHIN = 10.0
_FIRST_RETRY, _LONGEST_RETRY = 0.2, 5.0
_WANTED_FILES = 65_536
_ANY_PARTITION = (
    "select exists (select from pg_inherits where inhparent = 'realtime.messages'::regclass)"
)


class RealtimeServer:
    """The realtime half, which serves ``routes`` between ``start`` and ``stop`` in one event loop.

    For uvicorn with ``ws="websockets-sansio"``; ``now`` gives seconds since the epoch.
    """

    def __init__(
        self,
        config: LocalSupabaseConfig,
        options: RealtimeOptions | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._options = options or RealtimeOptions()
        self._conninfo = config.conninfo(_SERVER_ROLE)
        sessions = SessionPool(self._conninfo, _POOL_SIZE)
        subscriptions = Subscriptions(sessions)
        limits, options = config.limits, self._options
        rows = Rate(limits.messages_per_second, limits.judged_every)
        self._services = Services(
            config,
            options,
            now,
            sessions,
            ChannelPolicies(sessions),
            subscriptions,
            Dormancy(faithful=config.sleeps_after_restart, long=options.long_absence),
            joins=Rate(limits.joins_per_second, limits.judged_every),
            messages=Rate(limits.messages_per_second, limits.judged_every),
            rows=rows,
        )
        self._evaluation = Session(self._conninfo)
        self._feed = ChangeFeed(
            self._evaluation,
            subscriptions,
            rows,
            options.max_record_bytes,
            config.pace.changes_interval,
        )
        self._endpoint = WebSocketEndpoint(self._services)
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def routes(self) -> list[BaseRoute]:
        """The routes to mount at the root of the gateway."""
        api = BroadcastApi(self._services)
        base = "/realtime/v1"
        return [
            WebSocketRoute(f"{base}/websocket", self._endpoint),
            Route(f"{base}/api/broadcast", api.batch, methods=["POST"]),
            Route(f"{base}/api/broadcast/{{topic}}/events/{{event}}", api.single, methods=["POST"]),
            Route(f"{base}/metrics", self._metrics),
        ]

    async def _metrics(self, request: Request) -> Response:
        """Answer with the number of open sockets, in the form of the real server's metrics. Needs
        the secret key."""
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(given.encode(), self._services.config.secret_key.encode()):
            return Response(status_code=403)
        name = "realtime_connections_connected"
        return PlainTextResponse(
            f'# TYPE {name} gauge\n{name}{{tenant="local"}} {self._endpoint.connected}\n'
        )

    async def start(self) -> None:
        """Begin to follow the database. Return when changes are received, or with a warning after
        ten seconds; connecting goes on in the background."""
        _raise_file_limit()
        options = self._options
        self._tasks = [
            asyncio.create_task(work)
            for work in (
                self._stream(),
                self._feed.run(),
                _every(options.publication_check, self.follow_publication),
                self._keep_partitions(),
                _every(options.channelless_sweep, self._endpoint.cut_off_channelless),
            )
        ]
        for task in self._tasks:
            task.add_done_callback(_report_crash)
        try:
            async with asyncio.timeout(_STREAMING_WITHIN):
                await self._services.streaming.wait()
                await self.follow_publication()  # the state that later checks compare with
        except (TimeoutError, psycopg.OperationalError):
            logger.warning(
                "realtime is running but receives no changes yet: PostgreSQL does not answer, or an"
                " open transaction there blocks the creation of the replication slot"
            )

    async def stop(self) -> None:
        """Close all sockets with 1012, stop the background tasks, and disconnect from the
        database."""
        self._endpoint.close_all(RESTART)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        await self._evaluation.close()
        await self._services.sessions.close()

    async def follow_publication(self) -> None:
        """Check now, and not only at the next interval, for added, dropped and recreated tables.

        Raises ``psycopg.OperationalError``.
        """
        await self._services.subscriptions.follow_publication()

    async def _stream(self) -> None:
        """Follow the database, and reconnect whenever the connection is lost."""
        if not self._services.config.has_slot:
            self._services.streaming.set()
            await asyncio.Event().wait()
        delay = _FIRST_RETRY
        while True:
            try:
                stream = await ReplicationStream.open(self._conninfo, _PUBLICATIONS)
                delay = _FIRST_RETRY
                await self._follow(stream)
            except psycopg.OperationalError as error:
                logger.warning("no changes from PostgreSQL, trying again: %s", error)
            await asyncio.sleep(delay)
            delay = min(delay * 2, _LONGEST_RETRY)

    async def _follow(self, stream: ReplicationStream) -> None:
        streaming, dormancy = self._services.streaming, self._services.dormancy
        try:
            dormancy.database_returned()
            streaming.set()
            async for changes in stream:
                for change in changes:
                    await self._take(change)
        finally:
            streaming.clear()
            dormancy.database_left()
            stream.close()

    async def _take(self, change: Change) -> None:
        dormancy = self._services.dormancy
        if is_message_table(change.relation):
            if not dormancy.broadcasts_lost:
                await broadcast_row(self._services.hub, change, self._services.messages)
        elif not dormancy.changes_lost:
            await self._feed.put(change)

    async def _keep_partitions(self) -> None:
        """Create partitions at intervals; in a new project only after the first connection."""
        services = self._services
        if services.config.pace.cold_start and await self._never_connected():
            await services.connected.wait()
            await asyncio.sleep(services.config.pace.cold_start)
        await _every(self._options.partition_check, self._make_partitions)

    async def _never_connected(self) -> bool:
        try:
            return await self._services.sessions.fetch(_ANY_PARTITION, ()) == [(False,)]
        except psycopg.Error:
            return False

    async def _make_partitions(self) -> None:
        await self._services.sessions.fetch(MAKE_PARTITIONS, ())


async def _every(seconds: float, act: Callable[[], Awaitable[None]]) -> None:
    """Call ``act`` at intervals until cancelled. Database errors are logged."""
    while True:
        try:
            await act()
        except psycopg.Error as error:
            logger.warning("%s: %s", act.__name__.strip("_"), error)
        await asyncio.sleep(seconds)


def _report_crash(task: asyncio.Task[None]) -> None:
    """Log the error of a background task: none of them ends by itself, except by a bug."""
    if not task.cancelled() and task.exception() is not None:
        logger.critical("realtime is broken, restart it", exc_info=task.exception())


def _raise_file_limit() -> None:
    """Raise the limit of open files, as each socket is one and the usual 1024 are soon reached."""
    if sys.platform == "win32":
        return
    import resource  # noqa: PLC0415  not available on Windows

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _WANTED_FILES if hard == resource.RLIM_INFINITY else min(hard, _WANTED_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
