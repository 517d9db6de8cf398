"""Run the demo, from its first process to its last."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import shutil
import socket
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.core.management.utils import get_random_secret_key

from demo_project.state import (
    Content,
    Mode,
    RunState,
    forget_run,
    load_credentials,
    lock_path,
)
from demo_project.supervision import Supervisor
from demo_project.supervision.lock import exclusive
from demo_project.supervision.probes import accepts_connections, answers_http, file_exists
from spool_live.local.processes import PortTakenError, free_ports, listen, listen_near, port_of
from spool_live.local.state import keep_out_of_git

from . import parts
from .console import Console
from .ready import Ready, write_ready_file

_OURS = ("supabase", "logs", "run", "content.sqlite3*", "credentials.json", "layout")
"""The entries that ``--reset`` removes from the state folder; it removes nothing else."""


_PREFERRED_PORT = 8000


class WrongOptions(Exception):
    """Options that cannot be met; the message names them, and says what to do."""


@dataclass(frozen=True)
class DemoOptions:
    """The options of the command; ``port`` is ``None`` for any, preferably 8000."""

    folder: Path
    content: Content = "postgres"
    mode: Mode = "broadcast"
    port: int | None = None
    reset: bool = False
    ready_file: Path | None = None


async def run_demo(options: DemoOptions, console: Console) -> None:
    """Run the demo until a stop signal cancels it or one of its processes ends.

    Raises ``AlreadyRunning``, ``WrongOptions``, ``MissingProgram`` and ``ServiceFailed``.
    """
    began = time.monotonic()
    folder = options.folder
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with exclusive(lock_path(folder)), _web_socket(options.port) as listener:
        _prepare_folder(options)
        console.starting(folder)
        async with Supervisor(folder / "logs", console.part_ready) as supervisor:
            try:
                run = await _start_infrastructure(supervisor, options, listener)
                run.save(folder)
                await supervisor.run(parts.manage("newsroom", folder, "prepare_demo"))
                await _start_application(supervisor, folder, run, listener)
                ready = Ready.collect(folder, run)
                if options.ready_file:
                    write_ready_file(options.ready_file, ready)
                console.ready(ready, time.monotonic() - began)
                await supervisor.watch()
            finally:
                console.stopping()
                if options.ready_file:
                    options.ready_file.unlink(missing_ok=True)
        forget_run(folder)


async def _start_infrastructure(
    supervisor: Supervisor, options: DemoOptions, listener: socket.socket
) -> RunState:
    """Start the pages' build, the broker and the local Supabase together: they are independent."""
    folder = options.folder
    api, database, broker = free_ports(3)
    ready_file = _ready_file(folder, "supabase")
    supabase = parts.local_supabase(folder, api, database, ready_file)
    build = parts.manage("pages", folder, "build_demo_page", patience=240.0)
    redis_url, *_ = await _together(
        _start_broker(supervisor, folder, broker),
        supervisor.start(supabase, file_exists(ready_file)),
        supervisor.run(build),
    )
    facts = json.loads(ready_file.read_text())
    return RunState(
        content=options.content,
        mode=options.mode,
        web_url=f"http://127.0.0.1:{port_of(listener)}",
        redis_url=redis_url,
        supabase_url=facts["url"],
        publishable_key=facts["publishable_key"],
        secret_key=facts["secret_key"],
        signing_key=facts["signing_key"],
        database_url=facts["database_url"],
    )


async def _start_broker(supervisor: Supervisor, folder: Path, port: int) -> str:
    """Return the broker's URL: ``REDIS_URL``, or that of a broker started here."""
    if given := os.environ.get("REDIS_URL"):
        return given
    password = secrets.token_urlsafe(24)
    await supervisor.start(parts.broker(folder, port, password), accepts_connections(port))
    return f"redis://:{password}@127.0.0.1:{port}/0"


async def _start_application(
    supervisor: Supervisor, folder: Path, run: RunState, listener: socket.socket
) -> None:
    worker_file, beat_file = _ready_file(folder, "worker"), _ready_file(folder, "beat")
    worker, beat = parts.celery_worker(folder, worker_file), parts.celery_beat(folder, beat_file)
    await _together(
        supervisor.start(worker, file_exists(worker_file)),
        supervisor.start(beat, file_exists(beat_file)),
        supervisor.start(parts.web(folder, listener), answers_http(f"{run.web_url}/")),
    )
    alerts_file = _ready_file(folder, "alerts")
    await supervisor.start(parts.alerts(folder, alerts_file), file_exists(alerts_file))
    listener.close()  # from here on only Django has it


async def _together(*parts: Coroutine[Any, Any, Any]) -> list[Any]:
    """Run all of them together; the first error cancels the others, and is raised unwrapped."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(part) for part in parts]
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return [task.result() for task in tasks]


def _prepare_folder(options: DemoOptions) -> None:
    """Reset the data if requested, and refuse to mix two layouts of the data."""
    folder = options.folder
    forget_run(folder)
    if options.ready_file:
        options.ready_file.unlink(missing_ok=True)
    if options.reset:
        for path in (found for name in _OURS for found in folder.glob(name)):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
    layout = folder / "layout"
    if layout.exists() and layout.read_text() != options.content:
        raise WrongOptions(
            f"The demo in {folder} keeps its content in {layout.read_text()}: "
            f"add --content {layout.read_text()}, or --reset to start from scratch, "
            "or another --state-dir."
        )
    layout.write_text(options.content)
    keep_out_of_git(folder)
    (folder / "run").mkdir(exist_ok=True)
    credentials = load_credentials(folder)
    credentials.django_secret_key = credentials.django_secret_key or get_random_secret_key()
    credentials.metrics_token = credentials.metrics_token or secrets.token_urlsafe(24)
    credentials.save(folder)


def _web_socket(port: int | None) -> socket.socket:
    if port is None:
        return listen_near(_PREFERRED_PORT)
    try:
        return listen(port)
    except PortTakenError as taken:
        message = f"Port {port} is taken: give --port another, or leave it out."
        raise WrongOptions(message) from taken


def _ready_file(folder: Path, name: str) -> Path:
    return folder / "run" / f"{name}.ready"
