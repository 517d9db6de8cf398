"""The table, ``latest.json`` and ``latest.md``."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks.figures import Figure

_HEADS = ("figure", "value", "goal", "met", "peer")
_MET = {True: "yes", False: "no", None: ""}


def as_table(figures: Sequence[Figure]) -> str:
    """The figures as a Markdown table."""
    lines = [_HEADS, tuple("---" for _ in _HEADS), *(_cells(figure) for figure in figures)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(_HEADS))]
    return "\n".join(
        "| " + " | ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)) + " |"
        for line in lines
    )


def write_report(figures: Sequence[Figure], folder: Path, scale: float) -> None:
    """Writes ``latest.json`` and ``latest.md`` into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [figure.as_json() for figure in figures]
    (folder / "latest.json").write_text(json.dumps(rows, indent=1) + "\n")
    goals = [figure for figure in figures if figure.met is not None]
    reached = sum(bool(figure.met) for figure in goals)
    (folder / "latest.md").write_text(
        f"# Benchmark report\n\n"
        f"{datetime.now(UTC):%Y-%m-%d}, scale {scale:g}, {os.cpu_count()} cores, "
        f"load average {os.getloadavg()[1]:.1f}, {platform.machine()}, "
        f"Python {platform.python_version()}, "
        f"Django {version('django')}, psycopg {version('psycopg')}, "
        f"supabase {version('supabase')}.\n\n"
        f"{reached} of {len(goals)} goals met. Ratios and medians of one run; PostgreSQL with "
        f"fsync, over TCP on the same machine.\n\n{as_table(figures)}\n"
    )


def _cells(figure: Figure) -> tuple[str, ...]:
    sign = ">=" if figure.more_is_better else "<="
    goal = "" if figure.goal is None else f"{sign} {figure.goal:g}"
    peer = f"{figure.peer}: {figure.peer_value:.4g}" if figure.peer_value is not None else ""
    value = f"{figure.value:.4g} {figure.unit}"
    return figure.name, value, goal, _MET[figure.met], peer
