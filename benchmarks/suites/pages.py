"""From a click on Save in the admin to a changed page of the Next.js example, in `next dev` and in
`next start`, beside a page that calls `router.refresh()` per event."""

from __future__ import annotations

import http.client
import json
import os
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from benchmarks.figures import Figure, Sample, percentiles
from benchmarks.rig import Rig
from demo_project.stack import next_site
from spool_live.client import LiveUpdate, LiveUpdatesConfig, SyncLiveUpdatesClient
from spool_live.local.processes import free_port, wait_until
from tests.demo.running import RunningDemo, running_demo

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PATIENCE = 30.0
WATCH = """window.changed = {};
new MutationObserver(() => {
    for (const [mark] of document.body.innerText.matchAll(/Edit [0-9]+ of [a-z ]+/g))
        window.changed[mark] ??= Date.now();
}).observe(document.body, {childList: true, characterData: true, subtree: true})"""


def run(rig: Rig) -> list[Figure]:
    """The number of edits for each figure, one after the other."""
    missing = [name for name in ("npm", "standardwebhooks", "playwright") if not _is_there(name)]
    if missing or not _chromium():
        why = f"needs {', '.join(missing) or 'Chromium'}"
        return [Figure("edit to changed page, next dev, p50", Sample(None, why=why), "ms")]
    from playwright.sync_api import sync_playwright

    next_site.install()
    count = rig.times(40, 3)
    figures: list[Figure] = []
    with (
        tempfile.TemporaryDirectory(prefix="spool-live-pages-") as folder,
        running_demo(Path(folder) / "state") as demo,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=_chromium(), args=["--no-sandbox"])
        admin = _change_form(browser, demo)
        for name, production in (("next dev", False), ("next start", True)):
            with _site(demo, production=production) as (url, secret):
                visited = _next_look(admin, url, count, name)
                refreshed = _refreshing(admin, browser, url, secret, count, name)
            rows = zip(("p50", "p95"), visited, refreshed, strict=True)
            figures += [
                Figure(f"edit to changed page, {name}, {share}", ours, "ms", None, REFRESH, theirs)
                for share, ours, theirs in rows
            ]
        browser.close()
    return figures


REFRESH = "router.refresh() per event"


def _is_there(name: str) -> bool:
    if name == "npm":
        return which(name) is not None
    try:
        __import__(name)
    except ImportError:
        return False
    return True


def _chromium() -> str | None:
    return next(filter(None, map(which, CHROMIUM)), None)


def _change_form(browser: Browser, demo: RunningDemo) -> Page:
    """The admin form of one article of the first site, as its editor sees it."""
    site = demo.sites[0]
    page = browser.new_context().new_page()
    page.goto(demo.ready["admin_url"])
    page.fill("#id_username", site["editor"]["username"])
    page.fill("#id_password", site["editor"]["password"])
    page.click("[type=submit]")
    page.goto(site["articles_url"])
    page.locator("#result_list a", has_text="Winter timetable").first.click()
    return page


def _save(admin: Page, summary: str) -> float:
    """Change the article; return the time of the click, in seconds since the epoch."""
    admin.fill("#id_summary", summary)
    button = admin.locator("[name=_continue]").first
    clicked = time.time()
    button.click()
    return clicked


@contextmanager
def _site(demo: RunningDemo, *, production: bool) -> Iterator[tuple[str, str]]:
    """Run the example; yield its address and the secret of its preview. If built, with webhooks."""
    variables = next_site.environment(demo.ready, free_port())
    process = next_site.start(variables, production=production)
    url = f"http://localhost:{variables['PORT']}"
    try:
        wait_until(lambda: "Winter timetable" in _get(url), 120)
        if production:
            with _webhooks(demo, f"{url}/api/spool", variables["SPOOL_WEBHOOK_SECRET"]):
                yield url, variables["SPOOL_PREVIEW_SECRET"]
        else:
            yield url, variables["SPOOL_PREVIEW_SECRET"]
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(PATIENCE)


@contextmanager
def _webhooks(demo: RunningDemo, url: str, secret: str) -> Iterator[None]:
    """Send a signed webhook for each update, as soon as the site's stream has it."""
    from standardwebhooks import Webhook

    signer, site = Webhook(secret), demo.sites[0]

    def send(update: LiveUpdate) -> None:
        values = update.as_dict()
        body = json.dumps({"event": values.pop("event_type"), **values})
        now = datetime.now(UTC)
        headers = {
            "webhook-id": str(update.id),
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": signer.sign(str(update.id), now, body),
        }
        _ask(url, "POST", body, headers)

    config = LiveUpdatesConfig(
        site_id=site["id"], api_key=site["api_key"], api_url=demo.ready["api_url"]
    )
    client = SyncLiveUpdatesClient(config)
    client.on_update(send)
    with client:
        client.wait_until_live(PATIENCE)
        yield


def _next_look(admin: Page, url: str, count: int, name: str) -> list[Sample]:
    """Wait until a request for the page shows the change."""
    return _measured(count, f"of a look at {name}", lambda mark: _looking(admin, url, mark))


def _looking(admin: Page, url: str, mark: str) -> float:
    seen: list[float] = []

    def look() -> None:
        deadline = time.time() + PATIENCE
        while time.time() < deadline:
            if mark in _get(url):
                seen.append(time.time())
                return
            time.sleep(0.01)

    thread = threading.Thread(target=look)
    thread.start()
    clicked = _save(admin, mark)
    thread.join()
    return seen[0] - clicked


def _refreshing(
    admin: Page, browser: Browser, url: str, secret: str, count: int, name: str
) -> list[Sample]:
    """Open a page in a browser that renders again with every event."""
    page = browser.new_context().new_page()
    page.goto(f"{url}/api/preview?secret={secret}")
    page.wait_for_function("document.body.innerText.includes('Winter timetable')")
    with page.expect_websocket(lambda socket: "/realtime/v1" in socket.url):
        page.reload()
    page.evaluate(WATCH)
    _measured(2, f"of warming up {name}", lambda mark: _watched(admin, page, mark))
    found = _measured(count, f"of a refreshed {name}", lambda mark: _watched(admin, page, mark))
    page.context.close()
    return found


def _watched(admin: Page, page: Page, mark: str) -> float:
    clicked = _save(admin, mark)
    page.wait_for_function("mark => window.changed[mark]", arg=mark, timeout=PATIENCE * 1000)
    changed: float = page.evaluate("mark => window.changed[mark]", mark)
    return changed / 1000 - clicked


def _measured(count: int, what: str, once: Callable[[str], float]) -> list[Sample]:
    """Return p50 and p95 in milliseconds. Each edit has a unique mark to search for."""
    found = [once(f"Edit {n} {what}") * 1000 for n in range(count)]
    return percentiles(found, 0.5, 0.95, expected=count)


def _get(url: str) -> str:
    try:
        return _ask(url, "GET", None, {})
    except OSError:
        return ""


def _ask(url: str, method: str, body: str | None, headers: dict[str, Any]) -> str:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=PATIENCE)
    try:
        connection.request(method, parts.path or "/", body, headers)
        return connection.getresponse().read().decode()
    finally:
        connection.close()
