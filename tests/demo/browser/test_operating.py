"""An operator in the admin: the life of a key, what becomes of an update that was refused, and the
dashboard."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

if not os.environ.get("SPOOL_LIVE_REQUIRE_BROWSER"):
    pytest.importorskip("playwright", reason="playwright is not installed: run tox -e browser")
    pytest.importorskip("axe_playwright_python", reason="axe-core is missing: run tox -e browser")

from playwright.sync_api import Browser, Page, Route, expect

from tests.demo.browser.looking import SCREENSHOTS, look
from tests.demo.running import RunningDemo, running_demo

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

PATIENCE = 30_000
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; font-src 'self'"
)
KEY = re.compile(r"spool_[a-z0-9]{12}_[\w-]{49}")
REFUSED = """
from spool_live import broadcast_update
from spool_live.models import OutboxEntry, Site
from spool_live.outbox import record
from spool_live.updates import EventType, LiveUpdateData
import uuid
from django.db import transaction
site = Site.objects.get(name="Harbour Gazette")
with transaction.atomic():
    broadcast_update(site, LiveUpdateData(EventType.UPDATED, "articles", uuid.uuid4(), slug="tide"))
    OutboxEntry.objects.filter(site_id=site.pk, slug="tide").update(
        state="dead", last_error="22P05: unsupported Unicode escape sequence", attempts=1)
"""

HOURS_AGO = """
from datetime import timedelta
from django.utils import timezone
from spool_live import samples
for minutes in (180, 120, 60):
    samples.note("default", timezone.now() - timedelta(minutes=minutes), {"pending": 1})
"""


EDITS = """
import time
from demo_project.newsroom.models import Article
until = time.monotonic() + 30
while time.monotonic() < until:
    for article in Article.objects.public():
        article.save()
        time.sleep(0.01)
"""
"""Half a minute of edits, so that a picture of the dashboard shows one at work."""


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory, npm: None) -> Iterator[RunningDemo]:
    with running_demo(tmp_path_factory.mktemp("demo") / "state") as running:
        yield running


@pytest.fixture(scope="module")
def page(demo: RunningDemo, browser: Browser) -> Iterator[Page]:
    """Signed in as somebody who may do everything."""
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    expect.set_options(timeout=PATIENCE)
    page.goto(demo.ready["admin_url"])
    page.fill("#id_username", "admin")
    page.fill("#id_password", demo.ready["password"])
    page.click("[type=submit]")
    yield page
    context.close()


def open_list(page: Page, demo: RunningDemo, model: str, query: str = "") -> None:
    page.goto(f"{demo.ready['admin_url'].rstrip('/')}/spool_live/{model}/{query}")


def test_life_of_a_key(page: Page, demo: RunningDemo, tmp_path: Path) -> None:
    open_list(page, demo, "site", "add/")
    page.fill("#id_name", "Harbour Gazette")
    page.click("[name=_save]")
    expect(page.locator("#id_site option:checked")).to_have_text("Harbour Gazette")
    look(page, "key-add")
    page.fill("#id_name", "shop window")
    page.click("[name=_save]")

    expect(page.locator("#content h1")).to_have_text("Copy the key now")
    look(page, "key-created")
    plain = page.locator("#spool-key").inner_text()
    assert KEY.fullmatch(plain)
    page.click("[data-copies=spool-key]")
    expect(page.locator("[role=status]").first).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == plain
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # the next button, which copies the lines for .env
    expect(page.locator("[role=status]").nth(1)).to_have_text("Copied")
    lines = page.evaluate("navigator.clipboard.readText()")
    assert f"SPOOL_API_KEY={plain}" in lines
    address = page.url
    page.reload()
    expect(page.locator("#content")).to_contain_text("was shown once and cannot be shown again")
    page.go_back()
    page.go_forward()
    assert plain not in page.content()
    assert page.url == address

    (tmp_path / ".env").write_text(lines)
    commands = "set -a; . ./.env; set +a; spool-live check"
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    ran = subprocess.run(
        ["sh", "-c", commands],
        cwd=tmp_path,
        env={**os.environ, "PATH": path},
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr

    page.click("text=Continue")
    reload_until(page, ".field-used_from .readonly", "asked for a token")
    look(page, "key")
    page.click(".field-site a")
    expect(page.locator(".spool-site").nth(1)).to_contain_text("from 1 address")
    expect(page.locator(".spool-site").first).to_contain_text("up to date")
    look(page, "site")

    page.click("text=shop window")
    page.click(".object-tools >> text=Rotate")
    look(page, "key-rotate")
    page.fill("#id_overlap_hours", "48")
    page.click("input[value=Rotate]")
    expect(page.locator("#spool-key")).not_to_have_text(plain)
    page.click("text=I have copied it")

    open_list(page, demo, "siteapikey", "?q=Harbour")
    expect(page.locator(".field-state").nth(1)).to_contain_text("expires in")
    page.click("#result_list tbody tr:nth-child(2) th a")
    page.click(".object-tools >> text=Revoke")
    expect(page.locator("#content")).to_contain_text("Used by 1 address in the last ten minutes")
    look(page, "key-revoke")
    page.click("text=Yes, revoke")
    expect(page.locator(".field-state .readonly")).to_contain_text("revoked on")
    open_list(page, demo, "siteapikey")
    look(page, "keys")


def test_refused_update_is_requeued(page: Page, demo: RunningDemo) -> None:
    demo.manage("shell", "-c", REFUSED)
    open_list(page, demo, "outboxentry", "?q=tide&state__exact=dead")
    expect(page.locator("#result_list .field-state").first).to_have_text("dead")
    look(page, "outbox")
    page.click("#result_list tbody th a")
    expect(page.locator(".field-advice")).to_contain_text(
        "a character that PostgreSQL cannot store"
    )
    look(page, "entry")
    open_list(page, demo, "outboxentry", "?q=tide")
    page.check("#result_list tbody .action-select >> nth=0")
    page.select_option("select[name=action]", "requeue")
    page.click("button[name=index]")
    page.click("text=See what becomes of them.")
    expect(page.locator(".field-became .readonly")).to_contain_text("1 delivered")
    look(page, "requeued")


LISTS = (
    *("site", "liveupdate", "apikeyevent", "outboxevent", "operatorevent"),
    *("failedauthentication", "alertepisode", "webhookendpoint", "webhookattempt"),
)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_other_pages_fit_too(page: Page, demo: RunningDemo) -> None:
    for model in LISTS:
        open_list(page, demo, model)
        look(page, f"list-{model}")
    open_list(page, demo, "isolationreport")
    page.click("text=Verify now")
    expect(page.locator("#content")).to_contain_text("no findings")
    look(page, "isolation-report")


def reload_until(page: Page, selector: str, text: str) -> None:
    """Loads the page again until a moment later something is written."""
    for _ in range(30):
        if text in page.locator(selector).inner_text():
            return
        page.wait_for_timeout(1_000)
        page.reload()
    expect(page.locator(selector)).to_contain_text(text)


def test_dashboard_renews_itself_and_pings(page: Page, demo: RunningDemo) -> None:
    demo.manage("shell", "-c", HOURS_AGO)
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text))

    def strictly(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, headers={**answer.headers, "content-security-policy": CSP})

    page.route("**/spool_live/dashboard/**", strictly)
    open_list(page, demo, "dashboard")
    word = page.locator(".live-state > h2 .live-word")
    expect(word).to_have_text("ok", ignore_case=True)
    page.click("[data-live-ping] button")
    expect(page.locator(".live-ping > h2")).to_contain_text("arrived")
    expect(page.locator(".live-ping tbody tr")).to_have_count(8)
    moment = page.locator(".live-at time")
    shown = moment.get_attribute("datetime")
    expect(moment).not_to_have_attribute("datetime", shown or "")
    assert refused == []

    page.unroute("**/spool_live/dashboard/**")
    page.route("**/spool_live/dashboard/now/**", lambda route: route.abort())
    expect(page.locator("[data-live-stale]")).to_contain_text("has not been updated since")
    expect(page.locator("[data-live-now]")).to_have_class("live-old")
    page.unroute("**/spool_live/dashboard/now/**")
    expect(page.locator("[data-live-stale]")).to_be_hidden()

    for _ in range(3 if SCREENSHOTS else 0):
        demo.manage("shell", "-c", EDITS)
    open_list(page, demo, "dashboard")  # without the policy, under which looking is not allowed
    page.click("[data-live-pause]")
    expect(page.locator("[data-live-pause]")).to_have_text("Resume")
    page.click("[data-live-ping] button")
    expect(page.locator(".live-ping > h2")).to_contain_text("arrived")
    expect(page.locator(".live-chart svg")).to_have_count(4)
    look(page, "dashboard")
