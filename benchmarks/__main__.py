"""``python -m benchmarks [SUITE ...] [--scale 0.2]``: runs, prints tables, writes the report.

A run of all suites at full scale writes ``benchmarks/results`` and the page and plots in ``docs``;
any other run writes the same to ``build/benchmarks``, or where ``--output`` says.
"""

from __future__ import annotations

import argparse
import importlib
import time
from pathlib import Path

from benchmarks.report import as_table, write_report
from benchmarks.results import Results, facts_of_this_run, read_results, write_results
from benchmarks.rig import running_rig

SUITES = (
    "saves",
    "triggers",
    "delivery",
    "nudging",
    "contention",
    "endpoints",
    "fanout",
    "inserts",
    "cleanup",
    "soak",
)
ROOT = Path(__file__).parent.parent
RESULTS, DOCS = ROOT / "benchmarks" / "results", ROOT / "docs"


def main() -> None:
    """Runs the chosen suites, or only writes the report anew."""
    options = _options()
    if options.report_only:
        write_report(read_results(options.output or RESULTS), options.output or DOCS)
        return
    results = _run(options.suites or SUITES, options.scale)
    output = options.output
    if output is None and (options.suites or options.scale < 1):
        output = ROOT / "build" / "benchmarks"
    write_results(results, output or RESULTS)
    write_report(results, output or DOCS)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=f"of {', '.join(SUITES)}")
    parser.add_argument("--scale", type=float, default=1.0, help="1.0 is the full run")
    parser.add_argument("--output", type=Path, help="a folder for results, page and plots")
    parser.add_argument(
        "--report-only", action="store_true", help="write the page anew from the last results"
    )
    options = parser.parse_args()
    if unknown := set(options.suites) - set(SUITES):
        parser.error(f"there is no suite {', '.join(sorted(unknown))}")
    return options


def _run(suites: list[str], scale: float) -> Results:
    figures = []
    with running_rig(scale) as rig:
        facts = facts_of_this_run(scale, rig.program("postgres"))
        started = time.monotonic()
        for name in suites:
            found = importlib.import_module(f"benchmarks.suites.{name}").run(rig)
            print(f"{as_table(found)}\n{time.monotonic() - started:.0f} s", flush=True)
            figures += found
        facts["minutes"] = f"{(time.monotonic() - started) / 60:.1f}"
    return Results(figures, facts, rig.series)


if __name__ == "__main__":
    main()
