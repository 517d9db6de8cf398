"""The wheel as a release would have it, and readers who install it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from spool_live.local.processes import free_port
from tests.blocks import ROOT
from tests.tutorial.reader import Reader

MakeReader = Callable[[], Reader]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout, in a folder of its own."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "uv", "build", "--quiet", "--wheel", "--out-dir"]
    subprocess.run([*build, str(folder), str(ROOT)], check=True, timeout=300)
    [wheel] = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def make_reader(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MakeReader]:
    """``make_reader()``: somebody in a folder that is empty, but for the ``.venv`` of the one
    before, who has left. To install everything once more would take half a minute."""
    folder = tmp_path_factory.mktemp("reader")
    readers: list[Reader] = []

    def make() -> Reader:
        for before in readers:
            before.close()
        for path in folder.iterdir():
            if path.is_dir() and path.name != ".venv":
                shutil.rmtree(path)
            elif path.is_file():
                path.unlink()
        readers.append(Reader(folder, tmp_path_factory.mktemp("logs"), wheel, free_port()))
        return readers[-1]

    yield make
    for reader in readers:
        reader.close()
