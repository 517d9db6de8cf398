"""The wheel as a release would have it, and readers who install it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from spool_live.local.processes import free_port
from tests.tutorial.blocks import ROOT
from tests.tutorial.reader import Reader

MakeReader = Callable[[str], Reader]


@pytest.fixture(scope="module")
def constraint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file for pip: whoever installs ``spool-live`` gets the wheel of this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "uv", "build", "--quiet", "--wheel", "--out-dir"]
    subprocess.run([*build, str(folder), str(ROOT)], check=True, timeout=300)
    [wheel] = folder.glob("*.whl")
    file = folder / "constraint.txt"
    file.write_text(f"spool-live @ {wheel.as_uri()}\n")
    return file


@pytest.fixture(scope="module")
def make_reader(constraint: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MakeReader]:
    """``make_reader("name")``: somebody in an empty folder."""
    readers: list[Reader] = []

    def make(name: str) -> Reader:
        folder, logs = tmp_path_factory.mktemp(name), tmp_path_factory.mktemp(f"{name}-logs")
        readers.append(Reader(folder, logs, constraint, free_port()))
        return readers[-1]

    yield make
    for reader in readers:
        reader.close()
