from __future__ import annotations

import uuid
from typing import Any

import pytest

from spool_live.broadcasters.memory import MemoryBroadcaster
from spool_live.exceptions import BroadcastUnavailable, UnknownSite


@pytest.mark.parametrize(
    "call",
    [
        lambda b: b.broadcast([]),
        lambda b: b.mirror({"site_id": str(uuid.uuid4())}),
        lambda b: b.cleanup(None, 1),
        lambda b: b.newest_seqs([]),
    ],
    ids=["broadcast", "mirror", "cleanup", "newest_seqs"],
)
def test_raises_each_failure_once(call: Any) -> None:
    MemoryBroadcaster.failures += [BroadcastUnavailable("away"), UnknownSite("who?")]
    for expected in (BroadcastUnavailable, UnknownSite):
        with pytest.raises(expected):
            call(MemoryBroadcaster())
    assert MemoryBroadcaster.failures == []


def test_reset_forgets_everything() -> None:
    broadcaster = MemoryBroadcaster()
    site = {"site_id": "x", "version": 1, "epoch": 1, "deleted": False}
    broadcaster.mirror(site)
    MemoryBroadcaster.failures.append(BroadcastUnavailable("away"))
    MemoryBroadcaster.reset()
    assert (broadcaster.sites, broadcaster.updates, broadcaster.failures) == ({}, [], [])
