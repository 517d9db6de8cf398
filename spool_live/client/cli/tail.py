"""Follow a site from the terminal: print each update, or run a command for it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable, Sequence
from typing import TextIO

from spool_live.client.client import LiveUpdatesClient
from spool_live.client.config import LiveUpdatesConfig
from spool_live.client.state import ConnectionState, Phase
from spool_live.client.updates import Event, LiveUpdate, Reset

_COLOURS = {
    "content.created": "32",
    "content.updated": "33",
    "content.published": "36",
    "content.deleted": "31",
}


async def tail(
    config: LiveUpdatesConfig,
    *,
    as_json: bool = False,
    command: Sequence[str] | None = None,
    count: int | None = None,
    out: TextIO | None = None,
    err: TextIO | None = None,
) -> None:
    """Print updates to ``out`` and changes of the connection to ``err``, until cancelled.

    ``command`` is run for one update after the other, with the update as JSON on stdin and its
    fields in ``SPOOL_*`` variables. With a ``count``, return after that many updates. Raises
    ``LiveUpdatesError`` when the client stops.
    """
    out, err = out or sys.stdout, err or sys.stderr
    client = LiveUpdatesClient(config)
    client.on_state(_state_printer(err))
    seen = 0
    async with client:
        async for event in client.events():
            out.write(as_line(event, as_json=as_json, colour=out.isatty()) + "\n")
            out.flush()
            if command is not None and isinstance(event, LiveUpdate):
                await run_command(command, event, err)
            seen += isinstance(event, LiveUpdate)
            if seen == count:
                await client.acknowledge()
                return


def as_line(event: Event, *, as_json: bool, colour: bool) -> str:
    """Return one line for an event: JSON, or text for people."""
    if isinstance(event, Reset):
        if as_json:
            return json.dumps({"reset": event.reason, "seq": event.seq})
        return f"-- reset ({event.reason}): fetch your content anew; going on behind {event.seq}"
    if as_json:
        return json.dumps(event.as_dict(), ensure_ascii=False)
    kind = f"{event.event_type:<17}"
    if colour:
        kind = f"\x1b[{_COLOURS.get(event.event_type, '0')}m{kind}\x1b[0m"
    name = f"{event.collection}/{event.slug or event.item_id}"
    number = "" if event.seq is None else f"  #{event.seq}"
    title = event.metadata.get("title")
    return f"{event.timestamp[:19]}  {kind}  {name}{f'  “{title}”' if title else ''}{number}"


async def run_command(command: Sequence[str], update: LiveUpdate, err: TextIO) -> None:
    """Run ``command`` and wait for its end; a failure is reported to ``err`` and does not stop the
    tail."""
    fields = update.as_dict()
    variables = {f"SPOOL_{name.upper()}": str(v or "") for name, v in fields.items()}
    variables["SPOOL_METADATA"] = json.dumps(fields["metadata"])
    try:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.PIPE, env=os.environ | variables
        )
        await process.communicate(json.dumps(fields).encode())
    except OSError as error:
        err.write(f"-- {command[0]}: {error.strerror}\n")
    else:
        if process.returncode:
            err.write(f"-- {command[0]}: exit status {process.returncode}\n")


def _state_printer(err: TextIO) -> Callable[[ConnectionState], None]:
    """Return a callback that prints each new state once: not every attempt, and not the end, for
    which ``tail`` raises an error."""
    reported: list[object] = []

    def on_state(state: ConnectionState) -> None:
        news: list[object] = [state.phase, state.error]
        trying = state.phase in {Phase.CONNECTING, Phase.JOINED} and state.error is not None
        if news != reported and not trying and not state.phase.ended:
            reported[:] = news
            err.write(f"-- {state.phase}{f': {state.error}' if state.error else ''}\n")
            err.flush()

    return on_state
