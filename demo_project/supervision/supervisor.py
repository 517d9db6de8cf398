"""Start services, watch them, and stop them in reverse order."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from .service import Command, Probe, Service

_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_DEBOUNCE = 2.0
"""Seconds in which repeated signals count as one: tox repeats the terminal's Ctrl-C, up to three
times. A later signal means that the user does not want to wait any longer."""


class Supervisor:
    """``async with Supervisor(...)``: all services started in the block are stopped at its end.

    A stop signal cancels the task in the block, once. While the services stop, further signals are
    ignored for two seconds; a later one kills the remaining services. ``report(name, seconds)`` is
    called for each service that is ready. Use it in the main thread, which gets Python's signals.
    """

    def __init__(self, logs: Path, report: Callable[[str, float], None]) -> None:
        self._logs = logs
        self._report = report
        self._services: list[Service] = []
        self._asked_to_stop: float | None = None

    async def __aenter__(self) -> Self:
        self._logs.mkdir(parents=True, exist_ok=True)
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        if task is None:
            raise RuntimeError("a supervisor needs a task to cancel")
        for each in _STOP_SIGNALS:
            loop.add_signal_handler(each, self._on_signal, task)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._asked_to_stop = self._asked_to_stop or time.monotonic()
        for service in reversed(self._services):
            await service.stop()
        for each in _STOP_SIGNALS:
            asyncio.get_running_loop().remove_signal_handler(each)

    async def start(self, command: Command, probe: Probe) -> None:
        """Start a service and wait until it is ready; raises ``ServiceFailed``."""
        began = time.monotonic()
        service = Service(command, self._logs)
        self._services.append(service)
        service.start()
        await service.ready(probe)
        self._report(command.name, time.monotonic() - began)

    async def run(self, command: Command) -> None:
        """Run a command to its end; raises ``ServiceFailed`` unless it succeeds."""
        began = time.monotonic()
        service = Service(command, self._logs)
        self._services.append(service)
        service.start()
        try:
            async with asyncio.timeout(command.patience):
                status = await service.finished()
        except TimeoutError as late:
            raise service.failure(f"took more than {command.patience:.0f} s") from late
        self._services.remove(service)
        if status != 0:
            raise service.failure(f"ended with status {status}")
        self._report(command.name, time.monotonic() - began)

    async def watch(self) -> None:
        """Wait until a service ends by itself, and raise ``ServiceFailed`` for it."""
        watched = {asyncio.create_task(each.finished()): each for each in self._services}
        try:
            ended, _ = await asyncio.wait(watched, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in watched:
                task.cancel()
        first = ended.pop()
        raise watched[first].failure(f"ended with status {first.result()}")

    def _on_signal(self, task: asyncio.Task[object]) -> None:
        now = time.monotonic()
        if self._asked_to_stop is None:
            self._asked_to_stop = now
            task.cancel()
        elif now - self._asked_to_stop > _DEBOUNCE:
            for service in self._services:
                service.kill()
