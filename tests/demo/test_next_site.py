"""The Next.js example beside a running demo. In development its pages follow by the socket; built,
they are static and a signed webhook changes them."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from standardwebhooks import Webhook

from demo_project.stack import next_site
from spool_live.local.processes import free_port
from tests.demo.running import RunningDemo, running_demo

pytestmark = [pytest.mark.next, pytest.mark.timeout(600)]

SLUG = "herring-numbers-up"
RENAME = """
from demo_project.newsroom.models import Article
article = Article.objects.get(slug={slug!r})
article.title = {title!r}
article.save()
"""


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDemo]:
    with running_demo(tmp_path_factory.mktemp("demo") / "state") as running:
        yield running


class Site:
    """The example, and how to end it."""

    def __init__(self, demo: RunningDemo, *, production: bool) -> None:
        self.variables = next_site.environment(demo.ready, free_port())
        self.url = f"http://localhost:{self.variables['PORT']}/"
        self._process = next_site.start(self.variables, production=production)
        self.wait_for("<h1>The Courier</h1>", "", within=120)

    def wait_for(self, text: str, path: str, within: float = 30) -> None:
        deadline = time.monotonic() + within
        while text not in self._page(path):
            assert time.monotonic() < deadline, f"{text!r} is not at /{path}"
            time.sleep(0.1)

    def stop(self) -> None:
        os.killpg(self._process.pid, signal.SIGTERM)
        self._process.wait(30)

    def _page(self, path: str) -> str:
        try:
            return httpx.get(self.url + path, timeout=60).text
        except httpx.TransportError:
            return ""


@contextmanager
def running_site(demo: RunningDemo, *, production: bool) -> Iterator[Site]:
    next_site.install()
    site = Site(demo, production=production)
    try:
        yield site
    finally:
        site.stop()


@pytest.fixture(scope="module")
def site(demo: RunningDemo) -> Iterator[Site]:
    with running_site(demo, production=True) as running:
        yield running


def rename(demo: RunningDemo, title: str) -> None:
    """An editor's change."""
    demo.manage("shell", "--no-imports", "--command", RENAME.format(slug=SLUG, title=title))


def update_that_says(demo: RunningDemo, title: str) -> dict[str, Any]:
    """What the change became, as the log of the CMS has it."""
    headers = {"Authorization": f"Api-Key {demo.sites[0]['api_key']}"}
    query: dict[str, Any] = {"after": 0, "limit": 1000}
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        answer = httpx.get(f"{demo.ready['api_url']}updates/", params=query, headers=headers)
        for update in reversed(answer.json()["results"]):
            if update["metadata"].get("title") == title:
                return dict(update)
        time.sleep(0.2)
    pytest.fail(f"no update says {title!r}: {answer.json()}")


def send(site: Site, update: dict[str, Any]) -> int:
    """The webhook that a CMS sends for it, signed by the library."""
    body = json.dumps({**update, "event": update["event_type"]})
    now = datetime.now(UTC)
    headers = {
        "webhook-id": update["id"],
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(site.variables["SPOOL_WEBHOOK_SECRET"]).sign(
            update["id"], now, body
        ),
    }
    return httpx.post(f"{site.url}api/spool", content=body, headers=headers).status_code


def test_saved_article_changes_the_pages_that_show_it(site: Site, demo: RunningDemo) -> None:
    title = f"Renamed for {site.variables['PORT']}"
    rename(demo, title)
    update = update_that_says(demo, title)
    assert title not in httpx.get(site.url).text, "the page is static until it is said stale"
    assert send(site, update) == 200
    site.wait_for(title, "")
    site.wait_for(title, f"stories/{SLUG}")


def test_tokens_are_for_those_who_have_opened_the_preview(site: Site, demo: RunningDemo) -> None:
    with httpx.Client(base_url=site.url, timeout=60) as visitor:
        assert visitor.get("api/spool-live?token").status_code == 403
        assert visitor.get("api/preview?secret=guessed").status_code == 403
        assert visitor.get("api/spool-live?token").status_code == 403
    with httpx.Client(base_url=site.url, timeout=60) as editor:
        secret = site.variables["SPOOL_PREVIEW_SECRET"]
        assert editor.get(f"api/preview?secret={secret}").status_code == 307
        # The cookie is for https; httpx would keep it from the plain address of a test.
        headers = {"Cookie": "; ".join(f"{c.name}={c.value}" for c in editor.cookies.jar)}
        answer = httpx.get(f"{site.url}api/spool-live?token", headers=headers, timeout=60)
    assert answer.json()["site_id"] == demo.sites[0]["id"]
    assert demo.sites[0]["api_key"] not in answer.text


def test_saved_article_changes_the_pages_of_a_development_server(demo: RunningDemo) -> None:
    with running_site(demo, production=False) as site:
        for number in range(2):
            title = f"Developed {number} on {site.variables['PORT']}"
            rename(demo, title)
            site.wait_for(title, "")
            site.wait_for(title, f"stories/{SLUG}")


def test_example_keeps_no_download_address_and_no_remote_font() -> None:
    lock = json.loads((next_site.EXAMPLE / "package-lock.json").read_text())
    foreign = [
        name for name, package in lock["packages"].items() if package.get("resolved", "..") != ".."
    ]
    assert foreign == []
    sources = [
        *Path(next_site.EXAMPLE, "app").rglob("*.*"),
        *Path(next_site.EXAMPLE, "lib").rglob("*"),
    ]
    assert not [file for file in sources if file.is_file() and "https://" in file.read_text()]
