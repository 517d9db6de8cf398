"""Many subscribers of one site, in a process of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import IO, Any, Self

ROOT = Path(__file__).parents[2]


class Crowd:
    """``count`` subscribers of a site, live once the constructor returns.

    ``kind`` is ``raw`` (bare sockets) or ``ours`` (``spool_live.client``).
    """

    def __init__(self, kind: str, count: int, *, api_url: str, api_key: str, site_id: str) -> None:
        self.count = count
        job = {
            "kind": kind, "count": count, "mode": "broadcast",
            "api_url": api_url, "api_key": api_key, "site_id": site_id,
        }  # fmt: skip
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.subscribers"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
        )  # fmt: skip
        self._say(json.dumps(job))
        assert self._hear() == "ready"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            stream.close()

    def heard(self, updates: int) -> Counter[int]:
        """How many arrivals each number had, once all of ``updates`` reached everybody."""
        self._say(str(updates * self.count))
        answer: dict[str, Any] = json.loads(self._hear())
        return Counter(number for number, _ in answer["arrivals"])

    def _say(self, line: str) -> None:
        stream: IO[str] | None = self._process.stdin
        assert stream is not None
        stream.write(f"{line}\n")
        stream.flush()

    def _hear(self) -> str:
        stream: IO[str] | None = self._process.stdout
        assert stream is not None
        return stream.readline().strip()
