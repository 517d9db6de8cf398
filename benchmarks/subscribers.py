"""Subscribers in another process, and the time at which each update reached each of them.

``python -m benchmarks.subscribers`` reads a job from stdin, one line of JSON ``{kind, count,
api_url, api_key, site_id, mode}``; ``kind`` is ``ours`` (spool_live.client), ``official`` (the
PyPI client of Supabase) or ``raw`` (bare sockets). It prints ``ready`` when all are live. To each
line ``N`` it answers, once N arrivals are there (or after a minute), with ``{arrivals: [[n,
nanoseconds on CLOCK_MONOTONIC], ...], megabytes}``, where n is the update's ``metadata.n``.
"""

from __future__ import annotations

import asyncio
import gc
import json
import re
import sys
import time
import urllib.request
from typing import Any

import uvloop
from supabase import AsyncClient, acreate_client

from benchmarks.figures import resident_megabytes
from benchmarks.listener import Listener, join_message, upgrade_request
from spool_live.client import LiveUpdate, LiveUpdatesClient, LiveUpdatesConfig

_NUMBER = re.compile(rb'"n": ?(\d+)')
_AT_A_TIME = 50
_BEAT_SECONDS = 20.0
_LIVE_WITHIN, _ALL_WITHIN = 120.0, 60.0


class Arrivals:
    """The arrivals so far, at all subscribers together."""

    def __init__(self) -> None:
        self._seen: list[tuple[int, int]] = []
        self._grown = asyncio.Event()

    def note(self, n: int) -> None:
        self._seen.append((n, time.monotonic_ns()))
        self._grown.set()

    async def take(self, count: int) -> list[tuple[int, int]]:
        """Wait for ``count`` arrivals, then return and forget them."""
        try:
            async with asyncio.timeout(_ALL_WITHIN):
                while len(self._seen) < count:
                    self._grown.clear()
                    await self._grown.wait()
        except TimeoutError:
            pass  # the parent sees that by the number of arrivals
        taken, self._seen = self._seen, []
        return taken


async def follow_with_ours(job: dict[str, Any], arrivals: Arrivals) -> None:
    """Run clients that share nothing, as separate processes would."""
    config = LiveUpdatesConfig(job["site_id"], job["api_key"], job["api_url"], shared=False)

    async def follow() -> None:
        client = LiveUpdatesClient(config)
        client.on_update(take)
        kept.append(client)
        await client.connect()
        await client.wait_until_live(_LIVE_WITHIN)

    def take(update: LiveUpdate) -> None:
        arrivals.note(int(update.metadata["n"]))

    await asyncio.gather(*(follow() for _ in range(job["count"])))


async def follow_with_the_official_client(job: dict[str, Any], arrivals: Arrivals) -> None:
    """Join the private topic that the token's answer names."""
    token = _token(job)

    def take(message: dict[str, Any]) -> None:
        for change in message["payload"]["changes"]:
            arrivals.note(int(change["metadata"]["n"]))

    async def follow() -> None:
        live = asyncio.Event()
        client: AsyncClient = await acreate_client(token["supabase_url"], token["supabase_key"])
        await client.realtime.set_auth(token["token"])
        config: Any = {"config": {"private": True, "broadcast": {"replication_ready": True}}}
        channel = client.channel(token["realtime"]["broadcast"]["topic"], config)
        channel.on_broadcast("live_updates", take)  # type: ignore[arg-type]
        channel.on_system(lambda payload: live.set())
        kept.append(client)
        await channel.subscribe()
        await live.wait()

    await asyncio.gather(*(follow() for _ in range(job["count"])))


async def follow_with_raw_sockets(job: dict[str, Any], arrivals: Arrivals) -> None:
    """Run sockets that search the text for the number and do not parse it."""
    token = await asyncio.to_thread(_token, job)
    host, _, port = token["supabase_url"].removeprefix("http://").partition(":")
    topic, config, sign = _raw_join(token["realtime"], job["mode"])
    request = upgrade_request(host, token["supabase_key"])
    join = join_message(topic, token["token"], config)
    gate = asyncio.Semaphore(_AT_A_TIME)
    loop = asyncio.get_running_loop()

    async def follow() -> Listener:
        live = asyncio.Event()

        def take(text: bytes) -> None:
            for n in _NUMBER.findall(text):
                arrivals.note(int(n))
            if not live.is_set() and sign in text:
                live.set()

        async with gate:
            _, listener = await loop.create_connection(
                lambda: Listener(request, join, take), host, int(port)
            )
            await live.wait()
        return listener

    listeners = await asyncio.gather(*(follow() for _ in range(job["count"])))
    kept.append(asyncio.create_task(_beat(listeners)))


def _raw_join(realtime: dict[str, Any], mode: str) -> tuple[str, dict[str, Any], bytes]:
    """Return topic, configuration, and the server's message when the channel is live."""
    if mode == "broadcast":
        config = {"private": True, "broadcast": {"replication_ready": True}}
        return realtime["broadcast"]["topic"], config, b"Replication connection established"
    changes = realtime["postgres_changes"]
    binding = {name: changes[name] for name in ("event", "schema", "table", "filter")}
    return changes["topic"], {"postgres_changes": [binding]}, b"Subscribed to PostgreSQL"


async def _beat(listeners: list[Listener]) -> None:
    while True:
        await asyncio.sleep(_BEAT_SECONDS)
        for listener in listeners:
            listener.beat()


def _token(job: dict[str, Any]) -> dict[str, Any]:
    request = urllib.request.Request(
        f"{job['api_url']}token/",
        method="POST",
        headers={"Authorization": f"Api-Key {job['api_key']}"},
    )
    with urllib.request.urlopen(request) as answer:
        found: dict[str, Any] = json.loads(answer.read())
        return found


_KINDS = {
    "ours": follow_with_ours,
    "official": follow_with_the_official_client,
    "raw": follow_with_raw_sockets,
}
kept: list[object] = []
"""Start clients and tasks that run as long as the process."""


async def main(job: dict[str, Any]) -> None:
    """Follow until stdin ends."""
    arrivals = Arrivals()
    async with asyncio.timeout(_LIVE_WITHIN):
        await _KINDS[job["kind"]](job, arrivals)
    _say("ready")
    while asked := (await asyncio.to_thread(sys.stdin.readline)).strip():
        found = await arrivals.take(int(asked))
        gc.collect()
        _say(json.dumps({"arrivals": found, "megabytes": resident_megabytes()}))


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    given = json.loads(sys.stdin.readline())
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(given))
