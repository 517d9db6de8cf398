"""Several tabs of one paper: one socket, whoever of them comes, goes or is frozen."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

if not os.environ.get("SPOOL_LIVE_REQUIRE_BROWSER"):
    pytest.importorskip("playwright", reason="playwright is not installed: run tox -e browser")

from playwright.sync_api import Browser, BrowserContext, Page, WebSocket, expect

from spool_live.local.processes import wait_until
from tests.demo.running import RunningDemo

from .people import Editor, card

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]

FERRY = "Winter timetable"
FROZEN_FOR = int(os.environ.get("SPOOL_LIVE_FROZEN_FOR", "20"))  # seconds; two minutes in --full


class Tabs:
    """Tabs of the first paper in one browser, and the sockets they have open."""

    def __init__(self, context: BrowserContext, demo: RunningDemo) -> None:
        self._context = context
        self._url = demo.sites[0]["page_url"]
        self.open_sockets: dict[Page, int] = {}

    def open(self) -> Page:
        page = self._context.new_page()
        self.open_sockets[page] = 0
        page.on("websocket", lambda socket: self._count(page, socket))
        page.goto(self._url)
        live(page)
        return page

    @property
    def sockets(self) -> int:
        return sum(self.open_sockets.values())

    def leader(self) -> Page:
        [page] = [page for page, sockets in self.open_sockets.items() if sockets]
        return page

    def close(self, page: Page) -> None:
        page.close()
        del self.open_sockets[page]

    def _count(self, page: Page, socket: WebSocket) -> None:
        self.open_sockets[page] += 1
        socket.on("close", lambda _: self._closed(page))

    def _closed(self, page: Page) -> None:
        if page in self.open_sockets:
            self.open_sockets[page] -= 1


class Freezer:
    """Stops a page's scripts and timers in mid-air, as a browser does with one in the background.

    (`Page.setWebLifecycleState` has no effect on the pages of a headless browser: all are visible.)
    """

    def __init__(self, page: Page) -> None:
        self._paused = False
        self._session = page.context.new_cdp_session(page)
        self._session.on("Debugger.paused", self._on_paused)
        self._session.send("Debugger.enable")

    def freeze(self) -> None:
        """Stops it at its next statement, and returns then: a page at rest has none."""
        self._session.send("Debugger.pause")
        wait_until(self._has_stopped, 15)

    def thaw(self) -> None:
        self._session.send("Debugger.resume")
        self._session.send("Debugger.disable")

    def _on_paused(self, _: object) -> None:
        self._paused = True

    def _has_stopped(self) -> bool:
        self._session.send("Runtime.getIsolateId")  # events are heard while something is asked
        return self._paused


def live(page: Page) -> None:
    expect(page.locator("html")).to_have_attribute("data-state", "live", timeout=30_000)


def has_heard(page: Page, number: int) -> None:
    """The page was given so many updates. (What it shows may be newer: it fetches the article.)"""
    expect(page.locator("[data-wire=count]")).to_have_text(str(number))


@pytest.fixture
def tabs(browser: Browser, demo: RunningDemo) -> Iterator[Tabs]:
    context = browser.new_context()
    yield Tabs(context, demo)
    context.close()


@pytest.fixture(scope="module")
def editor(browser: Browser, demo: RunningDemo) -> Editor:
    return Editor(browser, demo, demo.sites[0])


def test_three_tabs_have_one_socket_and_outlive_the_one_that_has_it(
    tabs: Tabs, editor: Editor
) -> None:
    pages = [tabs.open() for _ in range(3)]
    assert tabs.sockets == 1
    editor.edit(FERRY, summary="For three tabs.")
    for page in pages:
        expect(card(page.main_frame, FERRY)).to_contain_text("For three tabs.")
    leader = tabs.leader()
    tabs.close(leader)
    pages.remove(leader)
    for page in pages:
        has_heard(page, 1)
    editor.edit(FERRY, summary="For the two that are left.")
    for page in pages:
        expect(card(page.main_frame, FERRY)).to_contain_text("For the two that are left.")
        live(page)
        has_heard(page, 2)  # each once, whoever brought it
    assert tabs.sockets == 1


def test_frozen_tab_is_right_afterwards_and_holds_up_no_other(tabs: Tabs, editor: Editor) -> None:
    first, second = tabs.open(), tabs.open()
    assert tabs.leader() is first
    freezer = Freezer(first)
    freezer.freeze()
    second.bring_to_front()
    editor.edit(FERRY, summary="While the first was frozen.")
    expect(card(second.main_frame, FERRY)).to_contain_text(
        "While the first was frozen.", timeout=30_000
    )
    second.wait_for_timeout(FROZEN_FOR * 1000)
    editor.edit(FERRY, summary="While it was frozen still.")
    expect(card(second.main_frame, FERRY)).to_contain_text("While it was frozen still.")
    freezer.thaw()
    first.bring_to_front()
    expect(card(first.main_frame, FERRY)).to_contain_text(
        "While it was frozen still.", timeout=30_000
    )
    live(first)
    has_heard(first, 2)
    has_heard(second, 2)
    first.wait_for_timeout(500)
    live(first)
    has_heard(first, 2)
    assert tabs.sockets == 1


def test_single_page_that_was_frozen_catches_up(tabs: Tabs, editor: Editor) -> None:
    page = tabs.open()
    freezer = Freezer(page)
    freezer.freeze()
    editor.edit(FERRY, summary="Nobody looked.")
    freezer.thaw()
    expect(card(page.main_frame, FERRY)).to_contain_text("Nobody looked.", timeout=15_000)
    live(page)
    has_heard(page, 1)
