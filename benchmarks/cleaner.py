"""The clean-up process under test: it does the hourly task, and records its memory at every step.

``python -m benchmarks.cleaner`` prints ``ready`` (a real worker is running before the task), waits
for a line on stdin, and prints ``{removed, seconds, megabytes: [first step, most]}``.
"""

from __future__ import annotations

import json
import sys
import time

import django

from benchmarks.figures import resident_megabytes


def main() -> None:
    """Clean up once."""
    django.setup()
    from spool_live.delivery.cleanup import CleanupReport, clean_up

    sizes: list[float] = []

    def note(report: CleanupReport) -> None:
        sizes.append(resident_megabytes())

    print("ready", flush=True)
    sys.stdin.readline()
    started = time.monotonic()
    report = clean_up(progress=note)
    found = {
        "removed": report.live_updates,
        "seconds": time.monotonic() - started,
        "megabytes": [sizes[0], max(sizes)],
    }
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
