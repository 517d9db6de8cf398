"""A front end on a domain of its own: tokens from its own server, the CMS's log where it may."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import which
from typing import NamedTuple

import pytest

if not os.environ.get("SPOOL_LIVE_REQUIRE_BROWSER"):
    pytest.importorskip("playwright", reason="playwright is not installed: run tox -e browser")

from playwright.sync_api import Browser, Page, expect

from spool_live.local.processes import free_port
from tests.demo.running import RunningDemo, running_demo
from tests.end_to_end.javascript.follower import PACKAGE, build

from .people import Editor

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

FERRY = "Winter timetable"
SCRIPT = Path(__file__).with_name("front_end.mjs")
ASK_FOR_A_TOKEN = """([url, key]) =>
    fetch(`${url}token/`, {method: "POST", headers: {Authorization: `Api-Key ${key}`}})
        .then(response => response.status, error => error.name)"""


class FrontEnd(NamedTuple):
    """Where the page is. `paper.localhost` is this machine, and another domain than the CMS's."""

    port: int

    @property
    def origin(self) -> str:
        return f"http://paper.localhost:{self.port}"


@contextmanager
def serving(demo: RunningDemo, port: int) -> Iterator[FrontEnd]:
    """The front end of the demo's first site."""
    node, site = which("node"), demo.sites[0]
    assert node, "node is missing: run tox -e browser"
    config = {
        "packageFolder": str(PACKAGE),
        "port": port,
        "siteId": site["id"],
        "apiKey": site["api_key"],
        "apiUrl": demo.ready["api_url"],
    }
    process = subprocess.Popen(
        [node, str(SCRIPT)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin
    assert process.stdout
    process.stdin.write(json.dumps(config))
    process.stdin.flush()
    assert process.stdout.readline() == "ready\n"
    try:
        yield FrontEnd(port)
    finally:
        process.communicate(timeout=30)


class Visitor:
    """A page of the front end, what it wrote to the console and what it asked of whom."""

    def __init__(self, browser: Browser, url: str) -> None:
        self.page: Page = browser.new_context().new_page()
        self.console: list[str] = []
        self.sent: list[str] = []
        self.page.on("console", lambda message: self.console.append(message.text))
        self.page.on(
            "request",
            lambda request: self.sent.append(f"{request.url} {json.dumps(request.headers)}"),
        )
        self.page.goto(url)
        self.has("phase", "live")

    def has(self, name: str, value: str) -> None:
        """The client's state says so."""
        expect(self.page.locator("html")).to_have_attribute(f"data-{name}", value, timeout=30_000)

    def reads(self, text: str) -> None:
        """The last update that the page was given."""
        expect(self.page.locator("li").last).to_have_text(text, timeout=15_000)

    def is_kept_from(self, url: str) -> bool:
        """Whether the browser refused to let the page read an answer from there."""
        return any(url in line and "CORS policy" in line for line in self.console)

    def close(self) -> None:
        self.page.context.close()


@pytest.fixture(scope="module")
def named() -> int:
    """The port of the front end that the CMS is told of."""
    return free_port()


@pytest.fixture(scope="module", params=["nobody is allowed", "one origin is allowed"])
def demo(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    npm: None,
    named: int,
) -> Iterator[RunningDemo]:
    build()
    is_on = request.param == "one origin is allowed"
    origins = {"SPOOL_LIVE_DEMO_ORIGINS": FrontEnd(named).origin} if is_on else {}
    with running_demo(tmp_path_factory.mktemp("demo") / "state", variables=origins) as running:
        yield running


@pytest.fixture
def is_on(demo: RunningDemo, request: pytest.FixtureRequest) -> bool:
    """Whether this CMS lets pages of the named origin read its log."""
    return "one origin" in request.node.callspec.params["demo"]


@pytest.fixture(scope="module")
def front_end(demo: RunningDemo, named: int) -> Iterator[FrontEnd]:
    with serving(demo, named) as running:
        yield running


@pytest.fixture(scope="module")
def editor(browser: Browser, demo: RunningDemo) -> Editor:
    return Editor(browser, demo, demo.sites[0])


def test_page_follows_with_tokens_and_log_from_its_own_server(
    browser: Browser, demo: RunningDemo, front_end: FrontEnd, editor: Editor
) -> None:
    visitor = Visitor(browser, front_end.origin)
    visitor.has("log", "cms")
    editor.edit(FERRY, summary="For a page elsewhere.")
    visitor.reads("For a page elsewhere.")
    site = demo.sites[0]
    assert not [line for line in visitor.sent if line.startswith(demo.ready["api_url"])]
    assert not [line for line in [*visitor.sent, *visitor.console] if site["api_key"] in line]
    visitor.close()


def test_page_reads_the_log_of_the_cms_only_where_its_origin_is_allowed(
    browser: Browser, demo: RunningDemo, front_end: FrontEnd, editor: Editor, is_on: bool
) -> None:
    visitor = Visitor(browser, f"{front_end.origin}/?direct")
    visitor.has("log", "cms" if is_on else "postgrest")
    assert visitor.is_kept_from(demo.ready["api_url"]) is not is_on
    editor.edit(FERRY, summary=f"Read directly: {is_on}.")
    visitor.reads(f"Read directly: {is_on}.")
    visitor.close()


def test_other_origin_is_refused_whether_or_not_one_is_allowed(
    browser: Browser, demo: RunningDemo, editor: Editor
) -> None:
    with serving(demo, free_port()) as stranger:
        visitor = Visitor(browser, f"{stranger.origin}/?direct")
        visitor.has("log", "postgrest")
        assert visitor.is_kept_from(demo.ready["api_url"])
        editor.edit(FERRY, summary="For everybody with a token.")
        visitor.reads("For everybody with a token.")
        visitor.close()


def test_no_page_may_ask_for_a_token_with_an_api_key(
    browser: Browser, demo: RunningDemo, front_end: FrontEnd
) -> None:
    visitor = Visitor(browser, front_end.origin)
    asked = [demo.ready["api_url"], demo.sites[0]["api_key"]]
    assert visitor.page.evaluate(ASK_FOR_A_TOKEN, asked) == "TypeError"
    assert visitor.is_kept_from(f"{demo.ready['api_url']}token/")
    visitor.close()
