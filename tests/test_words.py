"""Phrases that a native reader stumbles over stay out of what users read.

User-facing are the string literals and docstrings of the package, its templates and those of the
demo, the documentation, and the JavaScript sources.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PHRASES = {
    "is no": (
        r"(?<!\bthere )\b(?:is|are|was|were|be) no (?!longer|more|less|fewer|later|slower)[a-z]\w+",
        'write "is not a ..."',
    ),
    "told": (r"\btold\b", "write reported, recorded, notified or requested"),
    "tell": (r"\btells?\b(?! apart)", "write report, determine, show or notify"),
    "announce": (r"(?<!`)\bannounc\w+", "write record, notify, deliver or report"),
    "hear": (r"\b(?:hears?|heard)\b", "write receive, or be notified"),
    "road": (r"\broads?\b", "write transport, or way"),
    "breath": (r"\bbreaths?\b", "write linger, or wait"),
    "for good": (r"\bfor good\b(?! reasons?)", "write permanently"),
    "as good as": (r"\bas good as\b", "say what it is worth"),
    "none": (r"\(none\)", "write a sentence"),
    "role": (r":(?:class|meth|func|data|attr|mod|exc|obj):`", "write the name in double backticks"),
    "elsewhere": (r"\bDESIGN \d|\bprotocol sheet\b", "readers have the documentation only"),
}
ALLOWED = {
    "spool_live/collections/collection.py": {
        "announces": "the earlier name of is_visible",
        "announced_when": "the earlier name of visible_when",
    },
    "docs/contributing/style.md": dict.fromkeys(
        ("announce", "announced", "tell", "told", "hear", "road", "breath", "is no uuid", "(none)"),
        "the list of words itself",
    ),
    "docs/reference/python.md": {
        "announces": "the earlier name of is_visible",
        "announced_when": "the earlier name of visible_when",
    },
    "docs/explanation/architecture.md": {"road": "the whole way of an edit, once, as its heading"},
    "demo_project/newsroom/templates/newsroom/index.html": {"road": "a class in the style sheet"},
}
"""What may stand where, and why."""


def literals(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the strings of a module, each with its line; of f-strings their text."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines of a file, each with its number."""
    yield from enumerate(path.read_text("utf-8").splitlines(), start=1)


def texts() -> Iterator[tuple[str, int, str]]:
    """Yield path, line and text of everything that users read."""
    package, javascript = ROOT / "spool_live", ROOT / "packages" / "js"
    modules = [path for path in package.rglob("*.py") if path.parent.name != "migrations"]
    plain = [
        *package.rglob("*.html"),
        *(ROOT / "demo_project").rglob("*.html"),
        *(ROOT / "docs").rglob("*.md"),
        *ROOT.glob("*.md"),
        *(javascript / "src").rglob("*.ts"),
        *(javascript / "src").rglob("*.tsx"),
        javascript / "README.md",
    ]
    for paths, read in ((modules, literals), (plain, lines)):
        for path in sorted(paths):
            if "node_modules" not in path.parts:
                for number, text in read(path):
                    yield path.relative_to(ROOT).as_posix(), number, " ".join(text.split())


def found(pattern: str, where: str, text: str) -> list[str]:
    """Return what ``pattern`` finds in ``text``, without what is allowed ``where`` it stands."""
    matches = (match.group() for match in re.finditer(pattern, text, re.IGNORECASE))
    return [match for match in matches if match.lower() not in ALLOWED.get(where, {})]


@pytest.fixture(scope="module")
def user_texts() -> list[tuple[str, int, str]]:
    """Everything that users read, read once."""
    return list(texts())


@pytest.mark.parametrize("phrase", PHRASES)
def test_users_do_not_read(phrase: str, user_texts: list[tuple[str, int, str]]) -> None:
    pattern, instead = PHRASES[phrase]
    places = [
        f"{where}:{number}: {match!r}: {instead}"
        for where, number, text in user_texts
        for match in found(pattern, where, text)
    ]
    assert not places, "\n".join(places)


@pytest.mark.parametrize(
    ("phrase", "text"),
    [
        ("is no", "site_id 'x' is no UUID"),
        ("told", "Supabase has yet to be told"),
        ("tell", "nobody can tell"),
        ("announce", "the newest state is announced"),
        ("hear", "no subscriber hears of it"),
        ("road", "the broadcast road"),
        ("breath", "between two breaths"),
        ("for good", "refused for good"),
        ("as good as", "as good as gone"),
        ("none", "(none)"),
        ("role", "Raises :class:`ValueError`."),
        ("elsewhere", "see DESIGN 5.4"),
    ],
)
def test_phrase_is_found(phrase: str, text: str) -> None:
    assert found(PHRASES[phrase][0], "", text)


@pytest.mark.parametrize(
    ("phrase", "text"),
    [
        ("is no", "There is no site yet"),
        ("is no", "an item that is no longer visible"),
        ("tell", "a union that event_type tells apart"),
        ("hear", "the heart of it"),
        ("road", "a broad broadcast"),
    ],
)
def test_plain_text_is_not_found(phrase: str, text: str) -> None:
    assert not found(PHRASES[phrase][0], "", text)


def test_what_is_allowed_is_there(user_texts: list[tuple[str, int, str]]) -> None:
    missing = [
        (where, word)
        for where, words in ALLOWED.items()
        for word in words
        if not any(word in text.lower() for place, _, text in user_texts if place == where)
    ]
    assert not missing
