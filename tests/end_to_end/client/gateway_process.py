"""Both halves of the local Supabase as a process that can be killed, over a database that stays.

Reads one line of JSON from stdin: the fields of the configuration, those of Realtime's options,
and `ahead`, the seconds by which Realtime's clock is ahead. Ends when stdin does, so that it never
outlives its test.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from contextlib import AsyncExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from spool_live.local.config import Limits, LocalSupabaseConfig, Pace, Penalties
from spool_live.local.gateway import Half, create_app
from spool_live.local.realtime.options import RealtimeOptions
from spool_live.local.realtime.server import RealtimeServer
from spool_live.local.rest.server import RestServer

_ROOT = Path(__file__).parents[3]


class Gateway:
    """Starts, kills and starts again."""

    def __init__(
        self,
        config: LocalSupabaseConfig,
        ahead: float = 0.0,
        options: RealtimeOptions | None = None,
    ) -> None:
        self.config = config
        self._ahead = ahead
        self._options = options or RealtimeOptions()
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        values: dict[str, Any] = {
            "config": asdict(self.config),
            "options": asdict(self._options),
            "ahead": self._ahead,
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__], stdin=subprocess.PIPE, text=True, cwd=_ROOT
        )
        assert self._process.stdin is not None
        self._process.stdin.write(f"{json.dumps(values, default=str)}\n")
        self._process.stdin.flush()
        self._wait()

    def kill(self) -> None:
        """SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            assert self._process.stdin is not None
            self._process.stdin.close()
            self._process = None

    def _wait(self) -> None:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                httpx.get(f"{self.config.url}/", timeout=1)
            except httpx.TransportError:
                time.sleep(0.05)
            else:
                return
        raise TimeoutError("the gateway does not answer")


async def _serve(values: dict[str, Any]) -> None:
    ahead = values["ahead"]
    config = _config(values["config"])
    realtime = RealtimeServer(
        config, RealtimeOptions(**values["options"]), now=lambda: time.time() + ahead
    )
    halves: list[Half] = [RestServer(config), realtime]
    options: dict[str, Any] = {"lifespan": "off", "log_level": "warning", "access_log": False}
    async with AsyncExitStack() as stack:
        for half in halves:
            await half.start()
            stack.push_async_callback(half.stop)
        app = create_app(halves)
        server = uvicorn.Config(
            app,
            host=config.host,
            port=config.port,
            ws="websockets-sansio",
            ws_per_message_deflate=False,
            backlog=4096,
            **options,
        )
        await uvicorn.Server(server).serve()


def _config(values: dict[str, Any]) -> LocalSupabaseConfig:
    typed = {
        "state_dir": Path(values["state_dir"]),
        "exposed_schemas": tuple(values["exposed_schemas"]),
        "penalties": Penalties(**values["penalties"]),
        "limits": Limits(**values["limits"]),
        "pace": Pace(**values["pace"]),
    }
    return LocalSupabaseConfig(**(values | typed))


def _end_with_stdin() -> None:
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    line = sys.stdin.readline()
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    asyncio.run(_serve(json.loads(line)))
