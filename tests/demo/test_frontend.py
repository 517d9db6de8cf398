"""The pages' sources: they type-check, build, and hold to the lock file."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from demo_project.stack.pages import FRONTEND, PACKAGE

pytestmark = [pytest.mark.node, pytest.mark.timeout(240)]


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """A copy with everything from the lock file installed."""
    copy = tmp_path / "demo_project" / "newsroom" / "frontend"
    shutil.copytree(FRONTEND, copy, ignore=shutil.ignore_patterns("node_modules"))
    shutil.copytree(PACKAGE / "src", tmp_path / "packages" / "js" / "src")
    npm(copy, "ci", "--ignore-scripts")
    return copy


def npm(folder: Path, *arguments: str) -> None:
    run = subprocess.run(
        ("npm", *arguments), cwd=folder, capture_output=True, text=True, check=False, timeout=200
    )
    assert run.returncode == 0, run.stdout + run.stderr


def test_sources_type_check_and_build(sources: Path) -> None:
    npm(sources, "run", "typecheck")
    npm(sources, "run", "build")
    built = sources.parent / "static" / "newsroom" / "build"
    assert {file.name for file in built.iterdir()} == {
        "fonts",
        "portal.css",
        "portal.js",
        "site.css",
        "site.js",
    }
    assert "https://" not in (built / "site.css").read_text(), "no font comes from elsewhere"


def test_lock_file_names_no_download_address() -> None:
    lock = json.loads((FRONTEND / "package-lock.json").read_text())
    assert [name for name, package in lock["packages"].items() if "resolved" in package] == []
