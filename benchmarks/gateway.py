"""Both halves of the local Supabase as a process, with the rig's PostgreSQL.

``python -m benchmarks.gateway`` reads one line of JSON from stdin, the fields of the configuration,
and ends when stdin does, so that it never outlives the benchmark.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import uvicorn

from spool_live.local.config import LocalSupabaseConfig
from spool_live.local.gateway import Half, create_app
from spool_live.local.realtime.server import MAX_FRAME, RealtimeServer
from spool_live.local.rest.server import RestServer


async def serve(config: LocalSupabaseConfig) -> None:
    """Serve until killed, with the options of ``manage.py local_supabase``."""
    halves: list[Half] = [RestServer(config), RealtimeServer(config)]
    async with AsyncExitStack() as stack:
        for half in halves:
            await half.start()
            stack.push_async_callback(half.stop)
        server = uvicorn.Config(
            create_app(halves),
            host=config.host,
            port=config.port,
            lifespan="off",
            log_level="warning",
            access_log=False,
            ws="websockets-sansio",
            ws_max_size=MAX_FRAME,
            ws_per_message_deflate=False,
            backlog=4096,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=1,
        )
        await uvicorn.Server(server).serve()


def _end_with_stdin() -> None:
    sys.stdin.read()
    os._exit(0)


def _configuration(values: dict[str, Any]) -> LocalSupabaseConfig:
    return LocalSupabaseConfig(**{**values, "state_dir": Path(values["state_dir"])})


if __name__ == "__main__":
    given = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    factory = uvicorn.Config("", loop="auto").get_loop_factory()
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(serve(_configuration(given)))
