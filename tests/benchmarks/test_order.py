"""Suites leave nothing behind that a later one could count."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SUITES = ("delivery", "nudging")


def run(output: Path, *suites: str) -> dict[str, dict[str, Any]]:
    """The figures of a short run, by name."""
    command = [sys.executable, "-m", "benchmarks", *suites, "--scale", "0.02"]
    subprocess.run(
        [*command, "--output", str(output)], cwd=ROOT, check=True, capture_output=True, timeout=280
    )
    return {row["name"]: row for row in json.loads((output / "latest.json").read_text())}


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_every_figure_is_measured_in_either_order(tmp_path: Path) -> None:
    found = [
        run(tmp_path / "forward", *SUITES),
        run(tmp_path / "backward", *reversed(SUITES)),
    ]
    assert found[0].keys() == found[1].keys()
    for figures in found:
        assert {name: row["why"] for name, row in figures.items() if row["value"] is None} == {}
