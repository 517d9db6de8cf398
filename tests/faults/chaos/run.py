"""The run: a storm of edits and faults, the calm after it, and the verdict."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg

from spool_live.local.processes import wait_until
from tests.faults.chaos.faults import Faults
from tests.faults.chaos.plan import Planned, make_plan
from tests.faults.chaos.stage import Stage
from tests.faults.chaos.verdict import Edit, Row, Verdict, judge

SITES = 5
EDITORS = 3
SETTLED_WITHIN = 180.0
TALLY = {"c": "committed", "g": "rolled back on purpose", "f": "failed by a fault"}


@dataclass
class Outcome:
    """What a run did and found."""

    seed: int
    edits: int = 0
    sites: int = SITES
    editors: int = EDITORS
    rows: int = 0
    handled: int = 0
    states: dict[str, int] = field(default_factory=dict)
    dead: list[str] = field(default_factory=list)
    """Why updates are dead."""
    faults: dict[str, int] = field(default_factory=dict)
    spoiled: dict[str, int] = field(default_factory=dict)
    requests: int = 0
    restarted: dict[str, int] = field(default_factory=dict)
    transactions: dict[str, int] = field(default_factory=dict)
    storm_seconds: float = 0.0
    settled_seconds: float = 0.0
    delay_seconds: dict[str, float] = field(default_factory=dict)
    verdict: Verdict = field(default_factory=Verdict)

    @property
    def is_clean(self) -> bool:
        return self.verdict.is_clean and self.edits == self.rows == self.handled


def run(folder: Path, *, edits: int, faults: int, seed: int, rate: float) -> Outcome:
    """Runs on a stage in ``folder``: ``edits`` at ``rate`` a second, ``faults`` among them."""
    stage = Stage(folder, seed, SITES, EDITORS, rate)
    outcome = Outcome(seed)
    with stage.running():
        actors = Faults(stage, seed)
        plan = make_plan(list(actors.kinds), faults, edits, seed)
        restarted: Counter[str] = Counter()
        began = time.monotonic()
        outcome.faults = dict(sorted(storm(stage, actors, plan, edits, restarted).items()))
        stormed = time.monotonic()
        calm(stage, actors, restarted)
        outcome.restarted = dict(restarted)
        outcome.storm_seconds = round(stormed - began, 1)
        outcome.settled_seconds = round(time.monotonic() - stormed, 1)
        outcome.spoiled = dict(sorted(stage.proxy.hits.items()))
        outcome.requests = stage.proxy.requests
        compare(stage, outcome)
    return outcome


def storm(
    stage: Stage, actors: Faults, plan: list[Planned], edits: int, restarted: Counter[str]
) -> Counter[str]:
    """Lets the editors edit until there are ``edits`` and all faults have happened."""
    happened: Counter[str] = Counter()
    total, told = len(plan), 0.0
    stage.start_editors()
    while plan or edited(stage) < edits:
        actors.run_due()
        if plan and edited(stage) >= plan[0].after:
            kind = plan.pop(0).kind
            actors.kinds[kind]()
            happened[kind] += 1
        restarted.update(stage.supervise())
        time.sleep(0.05)
        if time.monotonic() > told + 5:
            told = time.monotonic()
            tell(stage, f"{total - len(plan)}/{total} faults")
    return happened


def calm(stage: Stage, actors: Faults, restarted: Counter[str]) -> None:
    """No more edits and no more faults: waits until all is delivered and handled."""
    stage.stop_editors()
    stage.proxy.calm()
    actors.run_due(all_of_them=True)
    told = 0.0

    def settled() -> bool:
        nonlocal told
        restarted.update(stage.supervise())
        if time.monotonic() > told + 5:
            told = time.monotonic()
            tell(stage, "settling")
        return delivered(stage) == edited(stage) == len(seen_lines(stage))

    try:
        wait_until(settled, SETTLED_WITHIN, "everything delivered and handled")
    except TimeoutError as error:
        tell(stage, str(error))  # the verdict says what is missing


def compare(stage: Stage, outcome: Outcome) -> None:
    """Reads all three histories and judges them."""
    with psycopg.connect(stage.content.conninfo()) as content:
        ledger = content.execute(
            "select id, editor, turn, site_id::text, item_id::text, event_type, edit "
            "from newsroom_ledger order by id"
        ).fetchall()
        states = content.execute(
            "select state, count(*) from live_updates_outbox group by state"
        ).fetchall()
        dead = content.execute(
            "select last_error from live_updates_outbox where state = 'dead'"
        ).fetchall()
        recorded: dict[str, datetime] = dict(
            content.execute("select update_id::text, timestamp from live_updates_outbox").fetchall()
        )
    with psycopg.connect(stage.config.conninfo("supabase_admin")) as live:
        found = live.execute(
            "select id::text, seq, site_id::text, item_id::text, event_type, metadata->>'edit', "
            "inserted_at from public.live_updates"
        ).fetchall()
    rows = [Row(*row[:6]) for row in found]
    seen: dict[str, list[Row]] = {}
    lines = seen_lines(stage)
    for line in lines:
        if "id" in line:
            row = Row(
                line["id"], line["seq"], line["site_id"], line["item_id"], line["event_type"],
                line["metadata"].get("edit", ""),
            )  # fmt: skip
            seen.setdefault(row.site, []).append(row)
    resets = sum("reset" in line for line in lines)
    outcome.verdict = judge([Edit(*row) for row in ledger], rows, seen, resets)
    outcome.edits, outcome.rows = len(ledger), len(rows)
    outcome.handled = sum(map(len, seen.values()))
    outcome.states = dict(sorted(states))
    outcome.dead = [reason for (reason,) in dead]
    tallied = Counter(stage.tally.read_text())
    outcome.transactions = {name: tallied[letter] for letter, name in TALLY.items()}
    waits = sorted(
        (row[6] - recorded[row[0]]).total_seconds() for row in found if row[0] in recorded
    )
    if waits:
        outcome.delay_seconds = {
            name: round(waits[min(int(len(waits) * part), len(waits) - 1)], 2)
            for name, part in {"median": 0.5, "p95": 0.95, "longest": 1.0}.items()
        }


def edited(stage: Stage) -> int:
    return _number(stage, "select count(*) from newsroom_ledger")


def delivered(stage: Stage) -> int:
    return _number(stage, "select count(*) from live_updates_outbox where state = 'delivered'")


def seen_lines(stage: Stage) -> list[dict[str, Any]]:
    """What the handlers wrote down, complete lines only."""
    found: list[dict[str, Any]] = []
    for file in sorted(stage.seen_folder.glob("*.jsonl")):
        complete = file.read_bytes().rpartition(b"\n")[0]
        found += [json.loads(line) for line in complete.splitlines()]
    return found


def tell(stage: Stage, what: str) -> None:
    """Progress on stderr."""
    handled = sum(file.read_bytes().count(b"\n") for file in stage.seen_folder.glob("*.jsonl"))
    sys.stderr.write(
        f"{time.strftime('%H:%M:%S')}  {what}: {edited(stage):,} edits, "
        f"{delivered(stage):,} delivered, {handled:,} handled, {stage.proxy.waiting} faults wait\n"
    )


def _number(stage: Stage, query: str) -> int:
    with psycopg.connect(stage.content.conninfo()) as connection:
        row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return int(row[0])
