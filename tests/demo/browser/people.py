"""A reader in front of both papers, and editors in the admin."""

from __future__ import annotations

import json
import re
import time
from typing import Any

from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Error,
    Frame,
    Locator,
    Page,
    Request,
    WebSocket,
    expect,
)

from tests.demo.running import RunningDemo

PATIENCE = 8_000
EXPECTED_NOISE = re.compile(r"status of 404|ERR_INTERNET_DISCONNECTED")


def _content(frame: Frame) -> str:
    """Asked again while the page changes: the printed pane loads itself anew every second."""
    deadline = time.monotonic() + PATIENCE / 1000
    while True:
        try:
            return frame.content()
        except Error as error:
            if "is navigating" not in str(error) or time.monotonic() > deadline:
                raise
            frame.page.wait_for_timeout(50)


class Reader:
    """Sees both papers in the split view, and remembers all that went over the network."""

    def __init__(self, browser: Browser, demo: RunningDemo, **options: Any) -> None:
        self.context: BrowserContext = browser.new_context(
            viewport={"width": 1440, "height": 900}, **options
        )
        self.context.set_default_timeout(PATIENCE)
        self.page: Page = self.context.new_page()
        self.hosts: set[str] = set()
        self.seen: list[str] = []
        self.faults: list[str] = []
        self.context.on("request", self._on_request)
        self.page.on("websocket", self._on_websocket)
        self.page.on("console", self._on_console)
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.goto(demo.ready["split_url"])
        self.courier, self.parallax = self._paper("courier"), self._paper("parallax")
        self.wait_until_live()

    def wait_until_live(self) -> None:
        for paper in (self.courier, self.parallax):
            expect(paper.locator("html")).to_have_attribute("data-state", "live", timeout=20_000)

    def traffic(self) -> str:
        """Every request, every answer, every frame and every page, as one text."""
        pages = [_content(frame) for frame in self.page.frames]
        return "\n".join([*self.seen, *pages])

    def _paper(self, name: str) -> Frame:
        frame = self.page.frame(name=name)
        assert frame is not None
        return frame

    def _on_request(self, request: Request) -> None:
        self.hosts.add(re.sub(r"^\w+://([^/:]+).*$", r"\1", request.url))
        self.seen += [request.url, json.dumps(request.all_headers()), request.post_data or ""]
        answer = request.response()
        if answer is not None:
            self.seen.append(json.dumps(answer.all_headers()))
            if answer.ok and "font" not in request.resource_type:
                self.seen.append(answer.text())

    def _on_websocket(self, socket: WebSocket) -> None:
        self.hosts.add(re.sub(r"^\w+://([^/:]+).*$", r"\1", socket.url))
        self.seen.append(socket.url)
        for event in ("framesent", "framereceived"):
            socket.on(event, lambda frame: self.seen.append(str(frame)))

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not EXPECTED_NOISE.search(message.text):
            self.faults.append(message.text)


class Editor:
    """Signed in to the admin as the editor of one site."""

    def __init__(self, browser: Browser, demo: RunningDemo, site: dict[str, Any]) -> None:
        self._list = site["articles_url"]
        self._page = browser.new_context().new_page()
        self._page.set_default_timeout(PATIENCE)
        self._page.goto(demo.ready["admin_url"])
        self._page.fill("#id_username", site["editor"]["username"])
        self._page.fill("#id_password", site["editor"]["password"])
        self._page.click("[type=submit]")

    def edit(self, which: str, **values: str) -> None:
        """Change fields of the article with this in its title, and save."""
        self._open(which)
        for name, value in values.items():
            field = self._page.locator(f"#id_{name}")
            if name in {"status", "category"}:
                field.select_option(label=value)
            else:
                field.fill(value)
        self._page.locator("[name=_save]").first.click()
        expect(self._page.locator(".messagelist .success")).to_be_visible()

    def delete(self, title: str) -> None:
        self._open(title)
        self._page.locator("a.deletelink").first.click()
        self._page.click("#content form [type=submit]")
        expect(self._page.locator(".messagelist .success")).to_be_visible()

    def rename_section(self, old: str, new: str) -> None:
        self._page.goto(self._list.partition("article/")[0] + "category/")
        self._page.click(f"#result_list a:text-is('{old}')")
        self._page.fill("#id_name", new)
        self._page.locator("[name=_save]").first.click()

    def sees(self, title: str) -> bool:
        self._page.goto(self._list)
        return self._page.locator("#result_list a", has_text=title).count() > 0

    def _open(self, title: str) -> None:
        self._page.goto(self._list)
        self._page.locator("#result_list a", has_text=title).first.click()


def card(paper: Frame, title: str) -> Locator:
    """The card with this title on a front page."""
    return paper.locator(".river .card", has=paper.locator(".headline", has_text=title))


def log_of(paper: Frame) -> list[dict[str, Any]]:
    """The rows of a paper's event log, newest first."""
    rows: list[dict[str, Any]] = paper.locator(".wire-row").evaluate_all(
        """rows => rows.map(row => ({...row.dataset, ms: Number(row.dataset.ms),
             shown: row.querySelector('[data-part=ms]').textContent,
             name: row.querySelector('[data-part=item]').textContent}))"""
    )
    return rows
