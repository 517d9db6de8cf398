"""The demo is clean out of the box: by the command, and on the admin's page."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if not os.environ.get("SPOOL_LIVE_REQUIRE_BROWSER"):
    pytest.importorskip("playwright", reason="playwright is not installed: run tox -e browser")

from playwright.sync_api import Browser, expect

from tests.demo.browser.people import PATIENCE

if TYPE_CHECKING:
    from tests.demo.running import RunningDemo

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
SCREENSHOTS = os.environ.get("SPOOL_LIVE_SCREENSHOTS")


def test_command_finds_nothing_in_a_fresh_demo(demo: RunningDemo) -> None:
    report = json.loads(demo.manage("verify_rls", "--format", "json", "--fail-on", "warning"))
    assert report["findings"] == []
    assert report["attacks"] > 900


def test_page_of_the_admin_says_that_nothing_was_found(demo: RunningDemo, browser: Browser) -> None:
    page = browser.new_context().new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(demo.ready["admin_url"])
    page.fill("#id_username", "admin")
    page.fill("#id_password", demo.ready["password"])
    page.click("[type=submit]")
    page.goto(demo.ready["admin_url"].rstrip("/") + "/spool_live/isolationreport/")
    page.click("text=Verify now")
    expect(page.locator("#content")).to_contain_text("no findings", timeout=20_000)
    if SCREENSHOTS:
        page.screenshot(path=Path(SCREENSHOTS) / f"isolation-{demo.mode}.png", full_page=True)
