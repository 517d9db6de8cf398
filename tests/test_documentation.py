"""Messages name pages of the documentation that are there, at the address that the package has."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from spool_live.documentation import DOCUMENTATION, page

ROOT = Path(__file__).parent.parent
CALLS = re.compile(r"\bpage\(([\"'])([a-z/-]+)\1\)")


def _sources() -> dict[str, str]:
    files = (ROOT / "spool_live").rglob("*.py")
    return {str(path.relative_to(ROOT)): path.read_text("utf-8") for path in files}


def test_address_is_that_of_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["urls"]["Documentation"] == DOCUMENTATION


def test_pages_that_are_named_are_there() -> None:
    found = {name for text in _sources().values() for _, name in CALLS.findall(text)}
    assert "reference/settings" in found
    assert [name for name in found if not (ROOT / "docs" / f"{name}.md").is_file()] == []
    assert page("how-to/alerts") == f"{DOCUMENTATION}how-to/alerts/"


def test_no_message_names_a_file_of_the_repository() -> None:
    literal = re.compile(r"[\"'(\s]docs/[a-z-]+/[a-z-]+\.md")
    assert [path for path, text in _sources().items() if literal.search(text)] == []
