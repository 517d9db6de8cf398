"""Looks at a page as people with other screens, other colours and other senses do."""

from __future__ import annotations

import os
from itertools import product
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

WIDTHS = (1366, 1280, 390)
SCHEMES = ("light", "dark")
AXE_AT = {(1366, "light"), (390, "dark")}
"""Where the rules of axe-core are applied: between them, each layout and each set of colours."""
SCREENSHOTS = os.environ.get("SPOOL_LIVE_SCREENSHOTS")
"""A folder for the pictures of the documentation, which ``docs/images`` holds."""
PICTURES = {"dashboard", "key", "site"}
PICTURED_AT = 1280
_CUT_OFF = """() => {
    const width = document.documentElement.clientWidth;
    const wide = [];
    if (document.scrollingElement.scrollWidth > width) wide.push("the page");
    for (const box of document.querySelectorAll(".results, .spool-wide, pre")) {
        if (box.scrollWidth > box.clientWidth + 1) {
            wide.push(`${box.className || box.id}: ${box.scrollWidth} in ${box.clientWidth}`);
        }
    }
    return wide;
}"""


def look(page: Page, name: str) -> None:
    """Nothing is cut off at any width, and nobody is shut out, in light and in dark."""
    page.wait_for_load_state()
    page.add_style_tag(content="* { transition: none !important }")  # no colours halfway
    for width, scheme in product(WIDTHS, SCHEMES):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        cut_off = page.evaluate(_CUT_OFF)
        assert not cut_off, f"{name} at {width} px: {cut_off}"
        if SCREENSHOTS and name in PICTURES and width == PICTURED_AT:
            ending = "-dark" if scheme == "dark" else ""
            page.screenshot(path=Path(SCREENSHOTS) / f"admin-{name}{ending}.png", full_page=True)
        if (width, scheme) in AXE_AT:
            check(page, f"{name} at {width} px, {scheme}")
    page.set_viewport_size({"width": WIDTHS[0], "height": 900})


def check(page: Page, name: str) -> None:
    """axe-core finds nothing serious in what we wrote: within the content, not in Django's frame
    around it."""
    found = Axe().run(page, context="#content", options={"resultTypes": ["violations"]})
    serious = [
        f"{rule['id']}: {node['html'][:200]}"
        for rule in found.response["violations"]
        if rule["impact"] in {"serious", "critical"}
        for node in rule["nodes"]
    ]
    assert not serious, f"{name}: {serious}"
