"""``python -m benchmarks.chaos [--edits N] [--faults N] [--seed N] [--output FILE]``."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from pathlib import Path

from tests.faults.chaos.report import as_markdown, write_report
from tests.faults.chaos.run import run


def main() -> int:
    """Runs, prints the report, and answers 0 only where nothing is wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.chaos",
        description="Edits under faults; afterwards nothing may be lost, doubled or reordered.",
    )
    parser.add_argument("--edits", type=int, default=100_000)
    parser.add_argument("--faults", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=120.0, help="edits a second")
    parser.add_argument("--output", type=Path, help="a Markdown file; facts as JSON beside it")
    parser.add_argument("--keep", type=Path, help="an empty folder for all that the run writes")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    size = {name: getattr(options, name) for name in ("edits", "faults", "seed", "rate")}
    if options.keep:
        options.keep.mkdir(parents=True, exist_ok=True)
        outcome = run(options.keep.absolute(), **size)
    else:
        with tempfile.TemporaryDirectory(prefix="spool-live-chaos-") as folder:
            outcome = run(Path(folder), **size)
    sys.stdout.write(as_markdown(outcome))
    for what, found in outcome.verdict.examples.items():
        sys.stderr.write("\n  ".join([f"{what}:", *found]) + "\n")
    if outcome.dead:
        sys.stderr.write("\n  ".join(["dead:", *outcome.dead]) + "\n")
    if options.output:
        write_report(outcome, options.output)
    return 0 if outcome.is_clean else 1


if __name__ == "__main__":
    sys.exit(main())
