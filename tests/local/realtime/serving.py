"""A realtime server in a thread, on a real port, for tests that speak to it over real sockets."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeVar

import uvicorn
import uvloop
from starlette.applications import Starlette

from spool_live.local.config import LocalSupabaseConfig, Penalties
from spool_live.local.processes import free_port
from spool_live.local.realtime.options import RealtimeOptions
from spool_live.local.realtime.server import MAX_FRAME, RealtimeServer

Result = TypeVar("Result")


class _Uvicorn(uvicorn.Server):
    def __init__(self, ready: threading.Event, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready.set()


class Serving:
    """A running server: where it listens, and how to run something in its event loop."""

    def __init__(self, config: LocalSupabaseConfig, options: RealtimeOptions) -> None:
        self.config = config
        self.server = RealtimeServer(config, options)
        self._loop = uvloop.new_event_loop()
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._uvicorn = _Uvicorn(
            self._ready,
            uvicorn.Config(
                Starlette(routes=self.server.routes),
                host=config.host,
                port=config.port,
                ws="websockets-sansio",
                ws_max_size=MAX_FRAME,
                ws_per_message_deflate=False,
                lifespan="off",
                log_config=None,
                log_level="warning",
                backlog=4096,
            ),
        )
        self._thread = threading.Thread(target=self._run, name="realtime server")

    @property
    def http_url(self) -> str:
        return f"{self.config.url}/realtime/v1"

    def call(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Run ``work`` in the server's event loop and return what it gives."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    def start(self) -> None:
        self._thread.start()
        self._ready.wait(20)
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """As on SIGTERM: sockets are closed with 1012."""
        self._uvicorn.should_exit = True
        self._thread.join(20)
        assert not self._thread.is_alive(), "the server did not stop"

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
                runner.run(self._serve())
        except BaseException as error:  # noqa: BLE001  raised again where the test can see it
            self._failure = error
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        await self.server.start()
        try:
            await self._uvicorn.serve()
        finally:
            await self.server.stop()


@contextmanager
def serve(
    config: LocalSupabaseConfig,
    *,
    options: RealtimeOptions | None = None,
    penalties: Penalties | None = None,
    port: int | None = None,
) -> Iterator[Serving]:
    """A server on a port of its own that follows ``config``'s database."""
    own = replace(config, port=port or free_port(), penalties=penalties or config.penalties)
    serving = Serving(own, options or RealtimeOptions())
    serving.start()
    try:
        yield serving
    finally:
        serving.stop()
