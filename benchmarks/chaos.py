"""``python -m benchmarks.chaos``: the long form of the chaos run (its code is tested in CI)."""

from __future__ import annotations

import sys

from tests.faults.chaos.__main__ import main

if __name__ == "__main__":
    sys.exit(main())
