"""``python -m benchmarks [SUITE ...] [--scale 0.2]``: run suites, print tables, write the report.

A run of all suites at full scale writes ``benchmarks/results`` and the page and plots in ``docs``;
any other run writes the same to ``build/benchmarks``, or to ``--output``. If a suite fails, the
others still run, but the run counts as failed: ``SUITE --again`` measures that suite again, and the
report mentions it.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

from benchmarks.figures import Figure
from benchmarks.report import as_table, write_report
from benchmarks.results import Results, facts_of_this_run, read_results, write_results
from benchmarks.rig import running_rig

SUITES = (
    "saves",
    "triggers",
    "delivery",
    "nudging",
    "turns",
    "contention",
    "endpoints",
    "admin",
    "webhooks",
    "fanout",
    "inserts",
    "cleanup",
    "soak",
    "pages",
)
ROOT = Path(__file__).parent.parent
RESULTS, DOCS = ROOT / "benchmarks" / "results", ROOT / "docs"


def main() -> None:
    """Run the chosen suites, or only write the report again."""
    options = _options()
    if options.report_only:
        write_report(read_results(options.output or RESULTS), options.output or DOCS)
        return
    results, broken = _run(options.suites or SUITES, options.scale)
    output = options.output
    if options.again and not broken:
        results = read_results(output or RESULTS).with_again(results)
    elif output is None and (options.suites or options.scale < 1 or broken):
        output = ROOT / "build" / "benchmarks"
    write_results(results, output or RESULTS)
    write_report(results, output or DOCS)
    if broken:
        sys.exit(f"Broken, see above: {', '.join(broken)}. The others' figures are in {output}.")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=f"of {', '.join(SUITES)}")
    parser.add_argument("--scale", type=float, default=1.0, help="1.0 is the full run")
    parser.add_argument("--output", type=Path, help="a folder for results, page and plots")
    parser.add_argument(
        "--report-only", action="store_true", help="write the page anew from the last results"
    )
    parser.add_argument(
        "--again", action="store_true", help="put these suites' figures into the last results"
    )
    options = parser.parse_args()
    if unknown := set(options.suites) - set(SUITES):
        parser.error(f"there is no suite {', '.join(sorted(unknown))}")
    return options


def _run(suites: Sequence[str], scale: float) -> tuple[Results, list[str]]:
    figures: list[Figure] = []
    broken: list[str] = []
    with running_rig(scale) as rig:
        facts = facts_of_this_run(scale, rig.program("postgres"))
        started = time.monotonic()
        for name in suites:
            try:
                rig.start_over()
                found = importlib.import_module(f"benchmarks.suites.{name}").run(rig)
            except Exception:  # noqa: BLE001 - the other suites' figures are worth having
                traceback.print_exc()
                broken.append(name)
                continue
            print(f"{as_table(found)}\n{time.monotonic() - started:.0f} s", flush=True)
            figures += found
        facts["minutes"] = f"{(time.monotonic() - started) / 60:.1f}"
    return Results(figures, facts, rig.series), broken


if __name__ == "__main__":
    main()
