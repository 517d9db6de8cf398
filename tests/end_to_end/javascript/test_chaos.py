"""The faults that the Python client outlives, for the JavaScript client: the same data.

The quick form belongs to the suite; the long one (20,000 updates over 200 faults) is run by::

    SPOOL_LIVE_CHAOS=long python -m pytest tests/end_to_end/javascript/test_chaos.py -s
"""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

import pytest

from spool_live.local.instance import LocalDatabase
from spool_live.local.processes import wait_until
from spool_live.local.realtime.options import RealtimeOptions
from tests.end_to_end.client.chaos import HASTY, Chaos
from tests.end_to_end.client.conftest import MakeChaos, asgi_cms, chaos
from tests.end_to_end.client.test_chaos import SIZE, SKEW, TIMEOUT, _storm

from .follower import Follower, following

__all__ = ["asgi_cms", "chaos"]  # fixtures
pytestmark = [pytest.mark.node, pytest.mark.usefixtures("javascript_package")]

PYTHON_ONLY = {"backoff_factor", "close"}


def timing() -> dict[str, float]:
    """The hasty times of the Python client, in milliseconds and camelCase."""
    values: dict[str, float] = {"probe": 1000, "heartbeat": 2000, "retryAfterMaximum": 500}
    for name, seconds in asdict(HASTY).items():
        if name in PYTHON_ONLY:
            continue
        first, *rest = name.split("_")
        camel = first + "".join(word.title() for word in rest)
        values[camel] = seconds if name == "refresh_at" else seconds * 1000
    return values


def config(world: Chaos, **options: Any) -> dict[str, Any]:
    return {
        "supabase_url": world.socket.url,
        "siteId": str(world.site.pk),
        "apiKey": world.key,
        "apiUrl": world.cms.url,
        "timing": timing(),
        **options,
    }


@pytest.mark.timeout(TIMEOUT)
@pytest.mark.parametrize(
    ("mode", "ahead"),
    [("broadcast", SKEW), ("postgres_changes", -SKEW)],
    ids=["broadcast, Realtime's clock ahead", "postgres_changes, Realtime's clock behind"],
)
def test_each_update_reaches_each_handler_once_and_in_order(
    chaos: MakeChaos, suite_database: LocalDatabase, mode: str, ahead: int
) -> None:
    world = chaos(
        mode=mode,
        ahead=ahead,
        lifetime=SIZE.token_lifetime + max(ahead, 0),
        sleeps_after_restart=True,
        options=RealtimeOptions(long_absence=0.5),
    )
    with following(**config(world)) as steady, following(**config(world, queueSize=20)) as stuck:
        steady.until_live()
        stuck.until_live()
        stuck.say("hold")
        began = time.monotonic()
        _storm(world, suite_database)
        stormed = time.monotonic() - began
        stuck.say("release")
        _calm(world, steady)
        expected = list(range(1, world.recorded + 1))
        for follower in (steady, stuck):
            _has(follower, expected)
        settled = time.monotonic() - began - stormed
    assert set(world.faults) == {*world.kinds, "gateway killed", "database restarted"}
    print(  # noqa: T201  # the result of the long form
        f"\nJavaScript, {mode}: {world.recorded} updates, {sum(world.faults.values())} faults in "
        f"{stormed:.0f} s (settled after {settled:.1f} s), {world.frames.mangled} frames mangled: "
        f"{dict(sorted(world.faults.items()))}"
    )


def test_cms_away_what_is_missing_is_read_from_supabase(chaos: MakeChaos) -> None:
    world = chaos()
    with following(**config(world)) as client:
        client.until_live()
        world._on_loop(world.cms.refuse)()
        world.frames.lose = 1.0
        world.record(5)
        world.deliver()
        wait_until(lambda: world.frames.mangled > 0, within=15)
        world.frames.lose = 0.0
        world.record(1)
        world.deliver()
        client.until(lambda: client.seqs == [1, 2, 3, 4, 5, 6])
        assert client.states[-1]["log"] == "postgrest"
        assert "does not answer" in client.states[-1]["error"]


def _calm(world: Chaos, *followers: Follower) -> None:
    world.heal()
    world.deliver_all(SIZE.patience)
    for follower in followers:
        follower.until_live(SIZE.patience)
    world.record(3)
    world.deliver_all(SIZE.patience)


def _has(follower: Follower, expected: list[int]) -> None:
    follower.until(lambda: len(follower.updates) >= len(expected), SIZE.patience)
    assert follower.seqs == expected
    assert follower.resets == []
