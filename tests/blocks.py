"""The fenced blocks of a page, and what a reader does with each.

A block with a title is the file of that name. An HTML comment before a block says more:
``append`` (to that file), ``in: FILE`` (shown, because it is there already), ``terminal: NAME,
until: TEXT`` (run in a terminal of its own, which the reader watches until it prints the text), and
``shown in: NAME`` (what that terminal prints; digits may differ).
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parents[1]
_TITLE = re.compile(r'title="([^"]+)"')
logging.getLogger("markdown_it").setLevel(logging.WARNING)  # it logs each line it looks at
_NOTE = re.compile(r"<!--\s*(.*?)\s*-->")


@dataclass(frozen=True)
class Block:
    """One fenced block below ``heading``, within the second-level heading ``section``."""

    section: str
    heading: str
    language: str
    text: str
    title: str = ""
    notes: dict[str, str] = field(default_factory=dict)

    @property
    def shown(self) -> re.Pattern[str]:
        """What the text looks like with other digits."""
        return re.compile(re.sub(r"\d+", r"\\d+", re.escape(self.text.strip())))


def blocks_of(page: str) -> list[Block]:
    """All blocks of the page at this path in the repository."""
    tokens = MarkdownIt().parse((ROOT / page).read_text("utf-8"))
    return list(_blocks(tokens))


def _blocks(tokens: list[Token]) -> Iterator[Block]:
    section, heading, notes = "", "", dict[str, str]()
    for before, token in zip([None, *tokens], tokens, strict=False):
        if before is not None and before.type == "heading_open":
            heading = token.content
            section = heading if before.tag == "h2" else section
        if token.type == "fence":
            language, _, rest = token.info.strip().partition(" ")
            title = _TITLE.search(rest)
            yield Block(section, heading, language, token.content, title[1] if title else "", notes)
        notes = _notes(token.content) if token.type == "html_block" else {}


def _notes(comment: str) -> dict[str, str]:
    found = _NOTE.search(comment)
    parts = (part.partition(":") for part in found[1].split(", ")) if found else ()
    return {name.strip(): value.strip() for name, _, value in parts}
