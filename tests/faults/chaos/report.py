"""The outcome as JSON for machines and as Markdown for people."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from tests.faults.chaos.run import Outcome


def write_report(outcome: Outcome, path: Path) -> None:
    """Writes ``path`` (Markdown) and the same facts beside it with the ending ``.json``."""
    facts = {"clean": outcome.is_clean, **asdict(outcome)}
    path.with_suffix(".json").write_text(json.dumps(facts, indent=1) + "\n")
    path.write_text(as_markdown(outcome))


def as_markdown(outcome: Outcome) -> str:
    """The report: what was done, what was found, which faults."""
    wrong = sum(outcome.verdict.counts.values())
    waited = ", ".join(f"{name} {value:g} s" for name, value in outcome.delay_seconds.items())
    facts = {
        "seed": outcome.seed,
        "edits in the ledger": f"{outcome.edits:,}",
        "rows in `live_updates`": f"{outcome.rows:,}",
        "updates that reached a handler": f"{outcome.handled:,}",
        "outbox entries by state": _listed(outcome.states),
        "transactions of the editors": _listed(outcome.transactions),
        "faults": f"{sum(outcome.faults.values()):,}",
        "requests to Supabase": f"{outcome.requests:,}, of these spoiled "
        f"{sum(outcome.spoiled.values()):,}",
        "processes that ended by themselves and were started again": _listed(outcome.restarted)
        or "none",
        "storm": f"{outcome.storm_seconds:.0f} s",
        "all delivered and handled after the last edit": f"{outcome.settled_seconds:.1f} s",
        "from the edit to the row, faults included": waited,
    }
    parts = [
        _table("what", "", facts),
        f"**{'Nothing is wrong' if outcome.is_clean else f'{wrong:,} findings'}.**\n",
        _table("finding", "count", outcome.verdict.counts),
        _table("fault", "times", outcome.faults),
        _table("spoiled requests to Supabase", "times", outcome.spoiled),
    ]
    return "\n".join(parts)


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts.items())


def _table(left: str, right: str, rows: Mapping[str, object]) -> str:
    lines = [f"| {left} | {right} |", "|---|---|"]
    return "\n".join([*lines, *(f"| {name} | {value} |" for name, value in rows.items()), ""])
