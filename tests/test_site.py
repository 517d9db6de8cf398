"""The documentation's sources: every page is in the navigation, every export of npm is listed."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"


def placed(entries: list[Any]) -> Iterator[str]:
    """The pages of a navigation, whatever their depth."""
    for entry in entries:
        for value in entry.values():
            if isinstance(value, str):
                yield value
            else:
                yield from placed(value)


def test_every_page_is_in_the_navigation_once() -> None:
    config = tomllib.loads((ROOT / "zensical.toml").read_text("utf-8"))
    pages = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")}
    assert sorted(placed(config["project"]["nav"])) == sorted(pages)


def test_every_picture_is_shown_and_those_of_the_admin_are_small_in_light_and_dark() -> None:
    shown = "".join(path.read_text("utf-8") for path in (*DOCS.rglob("*.md"), ROOT / "README.md"))
    pictures = {path.name: path.stat().st_size for path in (DOCS / "images").iterdir()}
    assert not [name for name in pictures if f"images/{name}" not in shown]
    admin = {name for name in pictures if name.startswith("admin-")}
    dark = {name for name in admin if "-dark" in name}
    assert {name.replace("-dark", "") for name in dark} == admin - dark
    assert all(pictures[name] < 150_000 for name in admin)


def test_every_extra_is_listed_and_nothing_else() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    page = (DOCS / "reference/python.md").read_text("utf-8")
    section = page.partition("## Extras")[2].partition("\n## ")[0]
    listed = re.findall(r"^\| `([a-z-]+)` \|", section, re.MULTILINE)
    assert sorted(listed) == sorted(project["optional-dependencies"])


def test_glossary_is_in_alphabetical_order_and_says_each_word_once() -> None:
    page = (DOCS / "reference/glossary.md").read_text("utf-8").partition("\n## ")[0]
    words = re.findall(r"^\| ([^|-][^|]*?) \|", page, re.MULTILINE)[1:]
    plain = [word.strip("`").lower() for word in words]
    assert len(plain) > 30
    assert plain == sorted(set(plain))


def exports(entry: str) -> set[str]:
    """The names that an entry of the JavaScript package exports."""
    text = (ROOT / "packages/js/src" / entry).read_text("utf-8")
    names: set[str] = set()
    for block in re.findall(r"^export (?:type )?\{([^}]*)\}", text, re.MULTILINE):
        parts = (part.strip().removeprefix("type ") for part in block.split(","))
        names |= {part.rpartition(" as ")[2] or part for part in parts if part}
    assert names
    return names


@pytest.mark.parametrize("entry", ["index.ts", "next/index.ts", "react/index.ts"])
def test_every_export_of_the_javascript_package_is_listed(entry: str) -> None:
    page = (DOCS / "reference/javascript.md").read_text("utf-8")
    listed = set(re.findall(r"\w+", " ".join(re.findall(r"`([^`]+)`", page))))
    assert exports(entry) <= listed
