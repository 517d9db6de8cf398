"""The public names of the client are those in ``__all__``."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import spool_live.client
from spool_live.client import exceptions

PACKAGE = Path(spool_live.client.__file__).parent


def test_all_names_are_sorted_and_there() -> None:
    assert spool_live.client.__all__ == sorted(spool_live.client.__all__)
    for name in spool_live.client.__all__:
        assert getattr(spool_live.client, name) is not None


def test_dir_lists_the_lazy_names_without_importing_django() -> None:
    code = (
        "import sys, spool_live.client as c; assert set(c.__all__) <= set(dir(c)); "
        "assert 'django' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_error_is_public_and_drawn_in_the_tree() -> None:
    tree = [line for line in (exceptions.__doc__ or "").splitlines() if "Error" in line]
    drawn = {}
    path: list[str] = []
    for line in tree:
        depth = (len(line) - len(line.lstrip(" │├└─"))) // 4
        name = line.lstrip(" │├└─").split()[0]
        path = [*path[: depth - 1], name]
        drawn[name] = path[-2] if len(path) > 1 else "Exception"
    defined = {
        name: (value.__base__ or object).__name__
        for name, value in vars(exceptions).items()
        if isinstance(value, type)
    }
    assert drawn == defined
    assert set(defined) <= set(spool_live.client.__all__)


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'connect'"):
        spool_live.client.connect  # noqa: B018  # the access is the test


def test_missing_extra_names_the_command_that_brings_it() -> None:
    code = "import sys; sys.modules['realtime'] = None; import spool_live.client"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "pip install 'spool-live[client]'" in done.stderr


def test_files_stay_small() -> None:
    sizes = {path.name: len(path.read_text().splitlines()) for path in PACKAGE.rglob("*.py")}
    assert {name: size for name, size in sizes.items() if size > 250} == {}
