"""The newsroom's own suite runs in a process of its own: it has another Django project."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SUITE = Path(__file__).with_name("newsroom")


def test_newsroom_suite_passes_with_the_demos_own_settings() -> None:
    command = [sys.executable, "-m", "pytest", str(SUITE), "-p", "no:cacheprovider", "-q"]
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")},
        "DJANGO_SETTINGS_MODULE": "tests.demo.newsroom_settings",
    }
    run = subprocess.run(
        command, capture_output=True, text=True, timeout=110, check=False, env=environment
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert " passed" in run.stdout
