"""Faults upon faults: each update reaches each handler once and in order.

The quick form belongs to the suite. The long form (20,000 updates, 200 faults and more, kills of
the gateway and restarts of the database) is run by::

    SPOOL_LIVE_CHAOS=long python -m pytest tests/end_to_end/client/test_chaos.py -s
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.db import connections

from spool_live.client import SyncLiveUpdatesClient
from spool_live.local.instance import LocalDatabase
from tests.end_to_end.client.chaos import LONG, Chaos, eventually


@dataclass(frozen=True)
class Size:
    """How much of it."""

    updates: int
    faults: int
    kills: int
    database_restarts: int
    token_lifetime: int
    pause: float
    patience: float


SIZE = Size(21_120, 220, 10, 3, 6, 0.35, 120) if LONG else Size(720, 20, 1, 0, 3, 0.1, 40)
CHUNKS = 6
TIMEOUT = 3000 if LONG else 120


@pytest.mark.timeout(TIMEOUT)
@pytest.mark.parametrize("mode", ["broadcast", "postgres_changes"])
def test_each_update_reaches_each_handler_once_and_in_order(
    chaos: Callable[..., Chaos], suite_database: LocalDatabase, mode: str, tmp_path: Path
) -> None:
    world = chaos(mode=mode, lifetime=SIZE.token_lifetime)
    steady, seen = world.client()
    own, seen_alone = world.client(shared=False)
    stuck, seen_late = world.client(queue_size=20)
    with steady, own, stuck:
        steady.wait_until_live(20)
        seen_late.gate.clear()
        began = time.monotonic()
        _storm(world, suite_database)
        stormed = time.monotonic() - began
        seen_late.gate.set()
        _calm(world, steady, own)
        expected = list(range(1, world.recorded + 1))
        for handler in (seen, seen_alone, seen_late):
            eventually(
                lambda handler=handler: len(handler.seqs) >= len(expected),
                SIZE.patience,
                lambda handler=handler: f"{len(handler.seqs)} of {len(expected)}",
            )
            assert handler.seqs == expected
            assert handler.resets == []
        settled = time.monotonic() - began - stormed
    print(  # noqa: T201  # the result of the long form
        f"\n{mode}: {world.recorded} updates, {sum(world.faults.values())} faults in "
        f"{stormed:.0f} s (settled after {settled:.1f} s), {world.frames.mangled} frames mangled: "
        f"{dict(sorted(world.faults.items()))}"
    )


def _storm(world: Chaos, database: LocalDatabase) -> None:
    kinds = world.kinds()
    kills = {SIZE.faults * (n + 1) // (SIZE.kills + 1) for n in range(SIZE.kills)}
    restarts = {
        SIZE.faults * (2 * n + 1) // (2 * SIZE.database_restarts)
        for n in range(SIZE.database_restarts)
    }
    for step in range(SIZE.faults):
        for _ in range(CHUNKS - 1):  # many frames, as edits come one by one
            world.record(SIZE.updates // SIZE.faults // CHUNKS)
            world.deliver()
        world.record(SIZE.updates // SIZE.faults // CHUNKS)
        if step in kills:
            world.kill_gateway()
        elif step in restarts:
            _restart(world, database)
        else:
            world.fault(kinds)
        world.deliver()
        time.sleep(SIZE.pause * world.rand.random() * 2)
        if step % 3 == 2:
            world.heal()


def _restart(world: Chaos, database: LocalDatabase) -> None:
    world.faults["database restarted"] += 1
    connections.close_all()
    database.stop()
    time.sleep(world.rand.uniform(0, 1))
    database.start()


def _calm(world: Chaos, *clients: SyncLiveUpdatesClient) -> None:
    world.heal()
    world.deliver_all(SIZE.patience)
    for client in clients:
        client.wait_until_live(SIZE.patience)
    world.record(3)
    world.deliver_all(SIZE.patience)


def test_cms_away_what_is_missing_is_read_from_supabase(chaos: Callable[..., Chaos]) -> None:
    world = chaos()
    client, seen = world.client()
    with client:
        client.wait_until_live(20)
        world._on_loop(world.cms.refuse)()
        world.frames.lose = 1.0
        world.record(5)
        world.deliver()
        world.frames.lose = 0.0
        world.record(1)
        world.deliver()
        eventually(lambda: seen.seqs == [1, 2, 3, 4, 5, 6], 15, lambda: (seen.seqs, client.state))
        assert client.state.log == "postgrest"
        assert "does not answer" in (client.state.error or "")


def test_realtime_clock_ahead_of_the_cms(chaos: Callable[..., Chaos]) -> None:
    """Tokens live 302 seconds here and two there: nothing is missed, the client adapts."""
    world = chaos(lifetime=302, ahead=300.0)
    client, seen = world.client()
    with client:
        client.wait_until_live(20)
        for _ in range(20):
            world.record(1)
            world.deliver()
            time.sleep(0.2)
        eventually(lambda: seen.seqs == list(range(1, 21)), 15, lambda: (seen.seqs, client.state))
        assert client.state.connected
