"""The worker's memory over many updates (G14): it must not grow with what it has delivered."""

from __future__ import annotations

import gc
import os
from pathlib import Path

from benchmarks.figures import Figure
from benchmarks.rig import Rig
from benchmarks.suites.delivery import fill_outbox
from spool_live import delivery

ROUND = 50_000


def run(rig: Rig) -> list[Figure]:
    """Drains backlog after backlog in this process; the first one warms it up."""
    rounds = rig.times(20, 2)
    sizes = []
    for _ in range(1 + rounds):
        fill_outbox(ROUND)
        rig.reset_receiver()
        report = delivery.deliver_pending("default", pause=lambda seconds: None)
        assert report.delivered == ROUND, report
        gc.collect()
        sizes.append(_resident_megabytes())
    growth = max(sizes[1:]) - sizes[0]
    return [Figure(f"G14 worker's growth over {rounds * ROUND:,} updates", growth, "MB", 10)]


def _resident_megabytes() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
