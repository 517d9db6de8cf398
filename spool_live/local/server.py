"""Run a local Supabase: start the database, then both halves behind one port; stop in reverse."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager

import uvicorn
from starlette.applications import Starlette

from spool_live.local.config import LocalSupabaseConfig
from spool_live.local.exceptions import DatabaseDiedError, PortInUseError
from spool_live.local.gateway import Half, create_app
from spool_live.local.instance import LocalDatabase, local_database
from spool_live.local.realtime.server import MAX_FRAME, RealtimeServer
from spool_live.local.rest.server import RestServer

_SOCKETS_CLOSE_WITHIN = 3
_KEEP_ALIVE = 75
"""Seconds. Longer than clients keep idle connections (httpx: 5 s), so that the server never closes
one just as a POST arrives."""


def run_local_supabase(
    config: LocalSupabaseConfig, on_ready: Callable[[LocalSupabaseConfig], None]
) -> None:
    """Run until SIGINT or SIGTERM, in the main thread; call ``on_ready`` once everything answers.

    Raises ``PortInUseError``, ``DatabaseDiedError``, and the errors of ``EmbeddedPostgres.start``.
    """
    service = _Service(config)
    with (
        _stopped_by_signals(service),
        _listening_socket(config) as listener,
        local_database(config) as database,
    ):
        service.run(database, listener, lambda: on_ready(config))


@contextmanager
def running_local_supabase(config: LocalSupabaseConfig) -> Iterator[LocalSupabaseConfig]:
    """Run a local Supabase in a thread for the duration of the ``with`` block. For tests and tools.

    Raises the same errors as ``run_local_supabase``.
    """
    with local_database(config) as database, serving_local_supabase(database):
        yield config


@contextmanager
def serving_local_supabase(database: LocalDatabase) -> Iterator[LocalSupabaseConfig]:
    """Do the same as ``running_local_supabase``, for a database that is already running."""
    config = database.config
    with (
        _listening_socket(config) as listener,
        _in_thread(_Service(config), database, listener),
    ):
        yield config


class _Server(uvicorn.Server):
    """Uvicorn without signal handlers: they would raise signals again before the database stops."""

    def __init__(self, app: Starlette, on_ready: Callable[[], None]) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                lifespan="off",
                ws="websockets-sansio",
                ws_max_size=MAX_FRAME,
                ws_per_message_deflate=False,
                # uvicorn logs the URL of every socket, which holds the API key, at level info
                log_level="warning",
                access_log=False,
                log_config=None,
                backlog=4096,
                timeout_keep_alive=_KEEP_ALIVE,
                timeout_graceful_shutdown=_SOCKETS_CLOSE_WITHIN,
            )
        )
        self._on_ready = on_ready

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if not self.should_exit:
            self._on_ready()


class _Service:
    """Both halves in one event loop, with a database that is already running."""

    def __init__(self, config: LocalSupabaseConfig) -> None:
        self._config = config
        self._server: _Server | None = None
        self._stopping = False

    def stop(self) -> None:
        """Begin to stop. Any thread or signal handler may call this, any number of times."""
        self._stopping = True
        if self._server is not None:
            self._server.should_exit = True

    def run(
        self, database: LocalDatabase, listener: socket.socket, on_ready: Callable[[], None]
    ) -> None:
        """Serve on ``listener`` until ``stop``, in a new event loop.

        Raises ``DatabaseDiedError``.
        """
        halves: list[Half] = [RestServer(self._config), RealtimeServer(self._config)]
        self._server = _Server(create_app(halves, jwks=self._config.token_keys.jwks), on_ready)
        self._server.should_exit = self._stopping
        database.when_ended(self.stop)
        loop_factory = self._server.config.get_loop_factory()
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            runner.run(self._serve(self._server, halves, listener))
        if not database.running:
            raise DatabaseDiedError(f"PostgreSQL ended by itself; see {database.log_file}")

    async def _serve(
        self, server: _Server, halves: Sequence[Half], listener: socket.socket
    ) -> None:
        async with AsyncExitStack() as stack:
            for half in halves:
                await half.start()
                stack.push_async_callback(half.stop)
            await server.serve(sockets=[listener])


@contextmanager
def _in_thread(
    service: _Service, database: LocalDatabase, listener: socket.socket
) -> Iterator[None]:
    ready = threading.Event()
    failures: list[BaseException] = []

    def run() -> None:
        try:
            service.run(database, listener, ready.set)
        except BaseException as error:  # noqa: BLE001  handed to the thread that waits for it
            failures.append(error)
        finally:
            ready.set()

    thread = threading.Thread(target=run, name="local Supabase")
    thread.start()
    try:
        ready.wait()
        if not failures:
            yield
    finally:
        service.stop()
        thread.join()
    if failures:
        raise failures[0]


@contextmanager
def _stopped_by_signals(service: _Service) -> Iterator[None]:
    """Stop ``service`` on SIGINT and SIGTERM for the duration of the ``with`` block."""
    handled = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(one, lambda *_: service.stop()) for one in handled]
    try:
        yield
    finally:
        for one, handler in zip(handled, before, strict=True):
            signal.signal(one, handler)


@contextmanager
def _listening_socket(config: LocalSupabaseConfig) -> Iterator[socket.socket]:
    """Bind the port before anything starts, so that a conflict is found at once."""
    listener = socket.socket()
    with contextlib.closing(listener):
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((config.host, config.port))
        except OSError as error:
            raise PortInUseError(
                f"port {config.port} on {config.host} is in use: stop what listens there, or choose"
                " another port"
            ) from error
        yield listener
