"""What the documentation says of the code's structure is what is there."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
LONGEST = 300
"""Lines of a module: what grows beyond is two rooms."""


def layers() -> list[set[str]]:
    """The layers that import-linter enforces, from the top, without the package's name."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]
    [down] = [c for c in contracts["contracts"] if c["name"] == "Imports point down"]
    return [{part.strip() for part in re.split(r"[|:]", layer)} for layer in down["layers"]]


def test_architecture_lists_the_layers_that_are_enforced() -> None:
    page = (ROOT / "docs/explanation/architecture.md").read_text("utf-8")
    [block] = re.findall(r"^## Layers\n.*?^```\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    drawn = [{f"spool_live.{name}" for name in line.split()} for line in block.splitlines()]
    assert drawn == layers()


def test_every_part_of_the_package_has_a_layer() -> None:
    package = ROOT / "spool_live"
    parts = {
        path.stem if path.suffix == ".py" else path.name
        for path in package.iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    apart = {"__init__", "client", "migrations"}  # by contracts of their own, or by no import
    placed = {name.removeprefix("spool_live.") for layer in layers() for name in layer}
    assert parts - apart == placed


def test_contributing_points_at_what_is_there() -> None:
    page = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    named = re.findall(
        r"`((?:spool_live|tests|docs|benchmarks|packages|demo_project)/[^`]*)`", page
    )
    missing = [path for path in named if "NNNN" not in path and not (ROOT / path).exists()]
    assert named
    assert not missing


def test_no_module_has_outgrown_its_room() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in (ROOT / "spool_live").rglob("*.py")
        if (lines := len(path.read_text("utf-8").splitlines())) > LONGEST
        and path.parent.name != "migrations"
    }
    assert not long
