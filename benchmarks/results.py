"""``latest.json`` (the figures) and ``run.json`` (facts about the run, and courses for plots)."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.figures import Figure

FIGURES, RUN = "latest.json", "run.json"
AGAIN = "measured again"
"""The fact that names the goals (or the figures without one) that a later run has measured."""
PACKAGES = ("django", "psycopg", "celery", "supabase", "websockets")


@dataclass(frozen=True)
class Results:
    """One run: its figures; facts of the machine, in the order of the report; courses by plot."""

    figures: Sequence[Figure]
    facts: dict[str, str]
    series: dict[str, Any] = field(default_factory=dict)

    def with_again(self, newer: Results) -> Results:
        """Return these results with the figures of a newer run of some suites, which the facts
        name."""
        fresh = {figure.name: figure for figure in newer.figures}
        kept = [fresh.pop(figure.name, figure) for figure in self.figures]
        again = {
            figure.name.split()[0] if figure.goal else re.split("[,:] ", figure.name)[0]
            for figure in newer.figures
        }
        again |= set(filter(None, self.facts.get(AGAIN, "").split("; ")))
        facts = {**self.facts, AGAIN: "; ".join(sorted(again))}
        return Results([*kept, *fresh.values()], facts, self.series | newer.series)


def write_results(results: Results, folder: Path) -> None:
    """Write both files into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [figure.as_json() for figure in results.figures]
    (folder / FIGURES).write_text(json.dumps(rows, indent=1) + "\n")
    run = {"facts": results.facts, "series": results.series}
    (folder / RUN).write_text(json.dumps(run) + "\n")


def read_results(folder: Path) -> Results:
    """Return the results that ``write_results`` has written."""
    rows = json.loads((folder / FIGURES).read_text())
    run = json.loads((folder / RUN).read_text())
    return Results([Figure.from_json(row) for row in rows], run["facts"], run["series"])


def facts_of_this_run(scale: float, postgres: Path) -> dict[str, str]:
    """Return the facts about the machine that a reader needs; its name is not among them."""
    output = subprocess.run([postgres, "--version"], capture_output=True, text=True, check=True)
    found = re.search(r"\d+(\.\d+)?", output.stdout)
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "scale": f"{scale:g}",
        "cores": str(os.cpu_count()),
        "processor": platform.machine(),
        "load average at the start": f"{os.getloadavg()[0]:.1f}",
        "Python": platform.python_version(),
        "PostgreSQL": found[0] if found else "?",
        **{package: version(package) for package in PACKAGES},
    }
