"""One handler a site over a real socket; each writes down what it gets, line by line.

``python -m tests.faults.chaos.subscribers FOLDER`` reads from ``sites.json`` there and writes
``<site id>.jsonl``.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from spool_live.client import LiveUpdate, LiveUpdatesClient, LiveUpdatesConfig, Reset, Timing

HASTY = Timing(
    backoff_initial=0.2,
    backoff_maximum=2.0,
    stable_after=1.0,
    request=5.0,
    join=5.0,
    close=0.5,
    epoch_jitter=0.5,
    catch_up_interval=5.0,
    poll_initial=0.5,
    poll_maximum=2.0,
    suspicion=2.0,
    patience_maximum=10.0,
)


async def follow(folder: Path, config: LiveUpdatesConfig) -> None:
    """Hands every update of a site to a handler, for ever."""
    with (folder / f"{config.site_id}.jsonl").open("a", buffering=1) as seen:

        def handle(update: LiveUpdate) -> None:
            seen.write(json.dumps(update.as_dict()) + "\n")

        def lament(reset: Reset) -> None:
            seen.write(json.dumps({"reset": reset.reason}) + "\n")

        client = LiveUpdatesClient(config)
        client.on_update(handle)
        client.on_reset(lament)
        async with client:
            await asyncio.Event().wait()


async def main(folder: Path) -> None:
    """Follows every site."""
    sites: list[dict[str, Any]] = json.loads((folder / "sites.json").read_text())
    async with asyncio.TaskGroup() as group:
        for site in sites:
            config = LiveUpdatesConfig(**site, start=0, timing=HASTY)
            group.create_task(follow(folder, config))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
