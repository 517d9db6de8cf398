"""CMS or Realtime unreachable, machine asleep, frames unreadable: the client misses nothing."""

from __future__ import annotations

import time
from typing import Any

import pytest
from starlette.responses import JSONResponse

from spool_live.client import GivenUpError, LogSource
from spool_live.client.engine import supervisor as supervisor_module
from tests.client.conftest import World
from tests.client.engine.test_supervisor import goes_on, seqs
from tests.waiting import eventually


async def test_cms_clock_does_not_matter(world: World) -> None:
    """The fake CMS claims that tokens end in the year 2000; `expires_in` is what counts."""
    await world.live()
    assert world.cms.token_requests == 1


async def test_cms_away_while_live_is_told_and_survived(world: World) -> None:
    client, seen = await world.live()
    world.cms.down = True
    await world.publish(2)
    await eventually(lambda: seqs(seen) == [1, 2])
    await eventually(lambda: "503" in (client.state.error or ""))
    assert client.state.connected
    world.cms.down = False
    await eventually(lambda: client.state.error is None)


async def test_cms_away_at_a_reconnect_the_living_token_serves_on(world: World) -> None:
    client, seen = await world.live()
    world.cms.down = True
    world.realtime.rest = lambda request: (200, [])
    await world.realtime.close_sockets(1012)
    await eventually(lambda: len(world.realtime.joins) == 2)
    assert world.realtime.tokens == ["jwt-1", "jwt-1"]
    await client.wait_until_live(5)
    await goes_on(world, seen)
    assert client.state.log is LogSource.POSTGREST


async def test_cms_away_and_a_gap_is_read_from_supabase(world: World) -> None:
    client, seen = await world.live()
    world.cms.down = True
    asked: list[str] = []

    def rest(request: Any) -> tuple[int, Any]:
        asked.append(request.path)
        assert request.headers["Authorization"] == "Bearer jwt-1"
        after = int(request.path.split("seq=gt.")[1].split("&")[0])
        return 200, [row for row in world.cms.log if row["seq"] > after]

    world.realtime.rest = rest
    world.cms.record()
    world.cms.record()
    await world.publish()
    await eventually(lambda: seqs(seen) == [1, 2, 3])
    assert client.state.log is LogSource.POSTGREST
    assert "503" in (client.state.error or "")
    assert "site_id=eq." in asked[0]


async def test_realtime_away_updates_come_by_polling_until_it_is_back(world: World) -> None:
    client, seen = await world.live()
    await world.realtime.kill()
    world.cms.record()
    await eventually(lambda: seqs(seen) == [1])
    assert not client.state.connected
    assert client.state.log is LogSource.CMS
    await world.realtime.start()
    await client.wait_until_live(5)
    assert client.state.error is None
    await goes_on(world, seen)


@pytest.mark.parametrize("limit", [2, "development"])
async def test_given_number_of_attempts_is_kept(world: World, limit: Any) -> None:
    await world.realtime.stop()
    client = world.client(max_reconnect_attempts=limit)
    await client.connect()
    with pytest.raises(GivenUpError, match="restart your development server"):
        await client.wait_until_live(10)
    attempts = 5 if limit == "development" else limit
    assert world.cms.token_requests == attempts + 1


async def test_attempts_count_from_zero_after_a_stable_connection(world: World) -> None:
    client, _ = await world.live()
    for _ in range(2):
        await world.realtime.close_sockets(1012)
        await eventually(lambda: client.state.reconnect_attempts == 1)
        await client.wait_until_live(5)
        await eventually(lambda: client.state.reconnect_attempts == 0)


async def test_wake_from_sleep_rebuilds_the_connection(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, seen = await world.live()
    slept = 0.0
    real = time.time
    monkeypatch.setattr(supervisor_module, "wall_clock", lambda: real() + slept)
    slept = 3600.0
    await eventually(lambda: len(world.realtime.joins) == 2)
    await client.wait_until_live(5)
    await goes_on(world, seen)


async def test_frame_too_big_for_the_library_is_survived(world: World) -> None:
    """The socket closes with 1009; what was in the frame is in the log."""
    client, seen = await world.live()
    await world.publish(metadata={"text": "x" * 1_100_000})
    await eventually(lambda: seqs(seen) == [1])
    await client.wait_until_live(5)
    await goes_on(world, seen)


@pytest.mark.parametrize(
    "changes", [None, "x", [None], [{"id": 1}], {"a": 1}], ids=lambda value: type(value).__name__
)
async def test_payload_that_cannot_be_read_rings_the_bell(world: World, changes: Any) -> None:
    _, seen = await world.live()
    world.cms.record()
    asked = len(world.cms.update_requests)
    await world.realtime.broadcast(world.cms.topic, "live_updates", {"changes": changes})
    await eventually(lambda: len(world.cms.update_requests) > asked, within=0.2)
    await eventually(lambda: seqs(seen) == [1])


async def test_row_that_somebody_else_wrote_is_delivered_as_it_comes(world: World) -> None:
    world.cms.mode = "postgres_changes"
    _, seen = await world.live()
    await world.send([world.cms.record(visible=False) | {"seq": None}])
    world.cms.seq -= 1
    await eventually(lambda: seqs(seen) == [None])


async def test_reset_reaches_the_handler(world: World) -> None:
    client, _ = await world.live()
    resets: list[Any] = []
    client.on_reset(resets.append)
    await world.realtime.stop()
    for _ in range(10):
        world.cms.record()
    world.cms.oldest = 8
    await eventually(lambda: [reset.seq for reset in resets] == [10])


async def test_reset_nobody_handles_is_at_least_in_the_log(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    _, seen = await world.live()
    world.cms.seq, world.cms.oldest = 10, 8
    await eventually(lambda: "fetch the content again" in caplog.text)
    await world.publish()
    await eventually(lambda: seqs(seen) == [11])


async def test_rate_limit_of_the_cms_is_obeyed(world: World) -> None:
    client, seen = await world.live()
    limit = JSONResponse({"detail": "slow down"}, 429, headers={"Retry-After": "1"})
    world.cms.answers.append(limit)
    started = time.monotonic()
    world.cms.record()
    await world.publish()
    await eventually(lambda: "Trying again in 1 seconds" in (client.state.error or ""))
    await eventually(lambda: seqs(seen) == [1, 2])
    assert time.monotonic() - started >= 1
