"""Faults upon faults: each update reaches each handler once and in order.

The quick form belongs to the suite. The long form (20,000 updates, 200 faults and more, kills of
the gateway and restarts of the database) is run by::

    SPOOL_LIVE_CHAOS=long python -m pytest tests/end_to_end/client/test_chaos.py -s
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial

import psycopg
import pytest

from spool_live.client import SyncLiveUpdatesClient
from spool_live.client.engine import refusals
from spool_live.local.config import Pace
from spool_live.local.instance import LocalDatabase
from spool_live.local.processes import wait_until
from spool_live.local.realtime.options import RealtimeOptions
from tests.end_to_end.client.chaos import LONG, Chaos
from tests.end_to_end.client.conftest import MakeChaos
from tests.real_supabase import GivenSupabase


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


SIZE = Size(21_120, 220, 10, 4, 6, 0.35, 300) if LONG else Size(1152, 32, 1, 1, 3, 0.1, 40)
SKEW = 300  # seconds
CHUNKS = 6
TIMEOUT = 3000 if LONG else 120


@pytest.mark.timeout(TIMEOUT)
@pytest.mark.parametrize(
    ("mode", "ahead"),
    [("broadcast", SKEW), ("postgres_changes", -SKEW)],
    ids=["broadcast, Realtime's clock ahead", "postgres_changes, Realtime's clock behind"],
)
def test_each_update_reaches_each_handler_once_and_in_order(
    chaos: MakeChaos,
    suite_database: LocalDatabase,
    monkeypatch: pytest.MonkeyPatch,
    mode: str,
    ahead: int,
) -> None:
    monkeypatch.setattr(refusals, "RETRY_AFTER", 0.5)
    ours = not isinstance(suite_database.config, GivenSupabase)  # to be killed and set wrong
    if ours:
        world = chaos(
            mode=mode,
            ahead=ahead,
            lifetime=SIZE.token_lifetime + max(ahead, 0),
            sleeps_after_restart=True,
            options=RealtimeOptions(long_absence=0.5),
        )
    else:
        world = chaos(mode=mode, lifetime=SIZE.token_lifetime)
    steady, seen = world.client()
    own, seen_alone = world.client(shared=False)
    stuck, seen_late = world.client(queue_size=20)
    with steady, own, stuck:
        steady.wait_until_live(20)
        seen_late.gate.clear()
        began = time.monotonic()
        _storm(world, suite_database if ours else None)
        stormed = time.monotonic() - began
        seen_late.gate.set()
        _calm(world, steady, own)
        expected = list(range(1, world.recorded + 1))
        for handler in (seen, seen_alone, seen_late):
            wait_until(
                partial(lambda it: len(it.seqs) >= len(expected), handler),
                SIZE.patience,
                partial(lambda it: f"{len(it.seqs)} of {len(expected)}", handler),
            )
            assert handler.seqs == expected
            assert handler.resets == []
        settled = time.monotonic() - began - stormed
    killed = {"gateway killed", "database restarted"} if ours else set()
    assert set(world.faults) == {*world.kinds, *killed}
    print(  # noqa: T201  # the result of the long form
        f"\n{mode}: {world.recorded} updates, {sum(world.faults.values())} faults in "
        f"{stormed:.0f} s (settled after {settled:.1f} s), {world.frames.mangled} frames mangled: "
        f"{dict(sorted(world.faults.items()))}"
    )


def _storm(world: Chaos, database: LocalDatabase | None) -> None:
    kills = {SIZE.faults * (n + 1) // (SIZE.kills + 2) for n in range(SIZE.kills)}
    restarts = {
        SIZE.faults * (2 * n + 1) // (2 * SIZE.database_restarts)
        for n in range(SIZE.database_restarts)
    }
    for step in range(SIZE.faults):
        for _ in range(CHUNKS - 1):  # many frames, as edits come one by one
            world.record(SIZE.updates // SIZE.faults // CHUNKS)
            world.deliver()
        world.record(SIZE.updates // SIZE.faults // CHUNKS)
        if database is not None and step in kills:
            world.kill_gateway()
        elif database is not None and step in restarts:
            world.restart(database)
        else:
            world.fault()
        world.deliver()
        time.sleep(SIZE.pause * world.rand.random() * 2)
        if step % 3 == 2:
            world.heal()


def _calm(world: Chaos, *clients: SyncLiveUpdatesClient) -> None:
    world.heal()
    world.deliver_all(SIZE.patience)
    for client in clients:
        client.wait_until_live(SIZE.patience)
    world.record(3)
    world.deliver_all(SIZE.patience)


ROTATED = [
    pytest.param(6.0, id="for seconds"),
    pytest.param(120.0, id="for two minutes", marks=pytest.mark.slow),
]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("mode", ["broadcast", "postgres_changes"])
@pytest.mark.parametrize("seconds", ROTATED)
def test_secret_that_was_rotated_on_one_side_leaves_polling_until_it_is_repaired(
    chaos: MakeChaos, mode: str, seconds: float
) -> None:
    world = chaos(mode=mode)
    client, seen = world.client()
    with client:
        client.wait_until_live(20)
        world._rotate_secret()
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            world.record(1)
            world.deliver()
            expected = list(range(1, world.recorded + 1))
            wait_until(partial(lambda seqs: seen.seqs == seqs, expected), 15, lambda: client.state)
            time.sleep(0.5)
        wait_until(lambda: "JWT_SIGNING_KEY" in (client.state.error or ""), 15)
        assert not client.state.connected
        assert client.state.log == "cms"
        world._repair_secret()
        client.wait_until_live(30)
        forwarded = world.frames.forwarded
        world.record(1)
        world.deliver()
        wait_until(lambda: world.frames.forwarded > forwarded, 15, lambda: client.state)
        wait_until(lambda: seen.seqs == list(range(1, world.recorded + 1)), 15)


DROP_PARTITIONS = """do $$ declare child regclass; begin
    for child in
        select inhrelid from pg_inherits where inhparent = 'realtime.messages'::regclass
    loop
        execute format('drop table %s', child);
    end loop;
end $$"""


def test_cold_start_of_a_project_is_polled_through(
    chaos: MakeChaos, suite_database: LocalDatabase
) -> None:
    """Nobody was ever connected: joins are refused until Realtime has made its partition."""
    with psycopg.connect(suite_database.conninfo(), autocommit=True) as connection:
        connection.execute(DROP_PARTITIONS)
        try:
            world = chaos(pace=Pace(changes_interval=0.0, cold_start=3.0, database_retry=0.0))
            client, seen = world.client(start=0)
            errors: list[str] = []
            client.on_state(lambda state: errors.append(state.error or ""))
            with client:
                world.record(3)
                world.deliver()
                wait_until(lambda: seen.seqs == [1, 2, 3], 15, lambda: client.state)
                client.wait_until_live(30)
                world.record(1)
                world.deliver()
                wait_until(lambda: seen.seqs == [1, 2, 3, 4], 15, lambda: client.state)
            assert any("MissingPartition" in error for error in errors)
        finally:
            connection.execute("select realtime.maintain_message_partitions()")


def test_cms_away_what_is_missing_is_read_from_supabase(chaos: MakeChaos) -> None:
    world = chaos()
    client, seen = world.client()
    with client:
        client.wait_until_live(20)
        world._on_loop(world.cms.refuse)()
        world.frames.lose = 1.0
        world.record(5)
        world.deliver()
        wait_until(lambda: world.frames.mangled > 0, 15, lambda: world.frames.mangled)
        world.frames.lose = 0.0
        world.record(1)
        world.deliver()
        wait_until(lambda: seen.seqs == [1, 2, 3, 4, 5, 6], 15, lambda: (seen.seqs, client.state))
        assert client.state.log == "postgrest"
        assert "does not answer" in (client.state.error or "")


def test_realtime_clock_ahead_of_the_cms(chaos: MakeChaos) -> None:
    """Tokens live 302 seconds here and two there: nothing is missed, the client adapts."""
    world = chaos(lifetime=302, ahead=300.0)
    client, seen = world.client()
    with client:
        client.wait_until_live(20)
        for _ in range(20):
            world.record(1)
            world.deliver()
            time.sleep(0.2)
        wait_until(lambda: seen.seqs == list(range(1, 21)), 15, lambda: (seen.seqs, client.state))
        # The last one may have come by catch-up, while the channel is joined with a new token.
        client.wait_until_live(20)
