"""Measures commit to frame: ``python -m tests.local.realtime.latency [--rows N] [--every S]``.

postgres_changes are polled for as by the hosted service, so that what comes now and then takes
longer than what comes at once after something else: ``--every`` says how often rows are written.

The server and its database run here, the subscribers in a second process. Nothing is asserted. The
last column is the processor time that the serving process used for one row; that of PostgreSQL is
not in it. On a busy machine it is the one to trust.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import uvloop

from benchmarks.listener import Listener, join_message, upgrade_request
from spool_live.local.config import LocalSupabaseConfig
from spool_live.local.instance import local_database
from spool_live.local.processes import free_port
from spool_live.local.realtime.options import RealtimeOptions
from tests.local.realtime.serving import Serving, serve
from tests.local.realtime.wire import mint

_FRAMES_PER_SECOND = 3000.0
_MAX_ROWS_PER_SECOND = 20.0
_AT_A_TIME = 50


@dataclass(frozen=True)
class Case:
    """How many sockets listen in which way."""

    mode: str
    sockets: int
    claims: str = "same"


CASES = (
    *(Case("broadcast", sockets) for sockets in (1, 50, 1000, 3000)),
    *(Case("postgres_changes", sockets) for sockets in (1, 50, 1000)),
    *(Case("postgres_changes", sockets, "distinct") for sockets in (50, 1000)),
)


async def subscribe(job: dict[str, Any]) -> None:
    """The second process: join with every socket, say ``ready``, collect, print latencies in ms."""
    gate = asyncio.Semaphore(_AT_A_TIME)
    latencies: list[float] = []
    expected = len(job["tokens"]) * job["rows"]
    complete = asyncio.Event()

    async def listen(token: str) -> None:
        live = asyncio.Event()

        def take(text: bytes) -> None:
            if live.is_set():
                sent = text.partition(b'"sent": ')[2].partition(b"}")[0].partition(b",")[0]
                latencies.append((time.time() - float(sent)) * 1000)
                if len(latencies) == expected:
                    complete.set()
            elif job["live"].encode() in text:
                live.set()

        join = join_message(job["topic"], token, job["config"])
        async with gate:
            await asyncio.get_running_loop().create_connection(
                lambda: Listener(job["request"].encode(), join, take), job["host"], job["port"]
            )
            await live.wait()

    await asyncio.gather(*map(listen, job["tokens"]))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await complete.wait()
    quantiles = statistics.quantiles(latencies, n=100)
    sys.stdout.write(json.dumps([quantiles[49], quantiles[94], max(latencies)]) + "\n")


async def measure(serving: Serving, case: Case, rows: int, every: float) -> list[float]:
    """p50, p95 and maximum in ms over all sockets and rows, and our CPU in ms per row."""
    config = serving.config
    broadcast = case.mode == "broadcast"
    topic = "site:a" if broadcast else "changes"
    binding = {"event": "INSERT", "schema": "public", "table": "live_updates"}
    job = {
        "host": config.host,
        "port": config.port,
        "request": upgrade_request(config.host, config.publishable_key).decode(),
        "rows": rows,
        "live": "phx_reply" if broadcast else "Subscribed to PostgreSQL",
        "topic": topic,
        "config": {"private": broadcast, "postgres_changes": [] if broadcast else [binding]},
        "tokens": [
            mint(serving, sites=["a"], jti=str(number) if case.claims == "distinct" else None)
            for number in range(case.sockets)
        ],
    }
    client = await asyncio.create_subprocess_exec(
        sys.executable, "-m", __spec__.name, "--subscribe",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=2**20,
    )  # fmt: skip
    assert client.stdin is not None
    assert client.stdout is not None
    client.stdin.write(json.dumps(job).encode() + b"\n")
    assert await client.stdout.readline() == b"ready\n"
    used = time.process_time()
    pause = max(every, 1 / _MAX_ROWS_PER_SECOND, case.sockets / _FRAMES_PER_SECOND)
    await asyncio.to_thread(_write, config, case.mode, rows, pause)
    result = json.loads(await asyncio.wait_for(client.stdout.readline(), 300))
    used = time.process_time() - used
    await client.wait()
    return [*result, used / rows * 1000]


def _write(config: LocalSupabaseConfig, mode: str, rows: int, pause: float) -> None:
    send = "select realtime.send(%s::jsonb, 'e', 'site:a', true)"
    insert = "insert into live_updates (site_id, kind, payload) values ('a', 'x', %s)"
    with psycopg.connect(config.conninfo("postgres"), autocommit=True) as connection:
        for number in range(rows):
            time.sleep(pause * random.uniform(0.5, 1.5))  # not in step with what polls
            content = json.dumps({"padding": "x" * 300, "n": number, "sent": time.time()})
            connection.execute(send if mode == "broadcast" else insert, (content,))


async def main(rows: int, every: float, modes: list[str]) -> None:
    state = Path(tempfile.mkdtemp(prefix="latency"))
    config = LocalSupabaseConfig.generate(state, database_port=free_port())
    options = RealtimeOptions(publication_check=3600, idle_timeout=3600)
    with local_database(config):
        with psycopg.connect(config.conninfo("postgres")) as connection:
            connection.execute(Path(__file__).with_name("schema.sql").read_text().encode())
        with serve(config, options=options) as serving:
            sys.stdout.write(
                "mode              claims     sockets  p50 ms  p95 ms  max ms  CPU ms\n"
            )
            for case in (case for case in CASES if case.mode in modes):
                figures = await measure(serving, case, rows, every)
                line = f"{case.mode:18}{case.claims:10}{case.sockets:8}"
                sys.stdout.write(line + "".join(f"{figure:8.1f}" for figure in figures) + "\n")
                sys.stdout.flush()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=30)
    parser.add_argument("--every", type=float, default=0.0, help="seconds between two rows")
    modes = sorted({case.mode for case in CASES})
    parser.add_argument("--mode", choices=modes, action="append", help="by default all")
    parser.add_argument("--subscribe", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.subscribe:
        uvloop.run(subscribe(json.loads(sys.stdin.readline())))
    else:
        asyncio.run(main(arguments.rows, arguments.every, arguments.mode or modes))
