"""``python -m benchmarks [SUITE ...] [--scale 0.2]``: runs, prints a table, writes the report."""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path

from benchmarks.report import as_table, write_report
from benchmarks.rig import running_rig

SUITES = ("saves", "delivery", "nudging", "contention", "endpoints", "fanout", "soak")


def main() -> None:
    """Runs the chosen suites."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=f"of {', '.join(SUITES)}")
    parser.add_argument("--scale", type=float, default=1.0, help="1.0 is the full run")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results")
    options = parser.parse_args()
    if unknown := set(options.suites) - set(SUITES):
        parser.error(f"there is no suite {', '.join(sorted(unknown))}")
    figures = []
    with running_rig(options.scale) as rig:
        for name in options.suites or SUITES:
            found = importlib.import_module(f"benchmarks.suites.{name}").run(rig)
            print(as_table(found), flush=True)
            figures += found
    if not options.suites:
        write_report(figures, options.output, options.scale)


if __name__ == "__main__":
    main()
