"""Headless Chromium, a demo that runs, and two people in front of it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.demo.running import RunningDemo, running_demo

if TYPE_CHECKING:
    from playwright.sync_api import Browser

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def npm() -> None:
    assert shutil.which("npm"), "npm builds the demo's pages: run tox -e browser"


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """One Chromium for the package; pages come from contexts of their own."""
    from playwright.sync_api import sync_playwright

    executable = next(filter(None, map(shutil.which, NAMES)), None)
    assert executable, "Chromium is not installed: apt-get install chromium"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(
    scope="module", params=[("postgres", "broadcast"), ("sqlite", "postgres_changes")], ids="-".join
)
def demo(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, npm: None
) -> Iterator[RunningDemo]:
    """A fresh demo: its content on Supabase's PostgreSQL and its pages on private topics, then on
    SQLite and with Postgres Changes."""
    folder = tmp_path_factory.mktemp("demo") / "state"
    content, mode = request.param
    with running_demo(folder, "--content", content, "--mode", mode) as running:
        yield running
