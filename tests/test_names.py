"""Names in the source say what they name: no words of the style guide's "not" column, and no two
classes of one name where a reader may meet both."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "spool_live"
UNCLEAR = re.compile(r"_?(?:said|told|gone|born|hear[ds]?|breath|MOST(?:_\w+)?|\w+_AT_MOST)")
WORLDS = {"local": "the local Supabase, which knows nothing of the app", "client": "the client"}
"""Packages that import nothing of the app, nor it of them: they have names of their own."""
SHARED = {
    "PageCollection": "of Wagtail and of django CMS: a project has one of them",
}


def modules() -> Iterator[tuple[Path, ast.Module]]:
    """Yield every module of the package but migrations, parsed."""
    for path in sorted(PACKAGE.rglob("*.py")):
        if path.parent.name != "migrations":
            yield path.relative_to(PACKAGE), ast.parse(path.read_text("utf-8"))


def names_in(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield what a module names itself: variables, parameters, functions, classes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.lineno, node.name
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg


def test_no_name_is_a_word_that_says_little() -> None:
    unclear = [
        f"{path}:{number}: {name}"
        for path, tree in modules()
        for number, name in names_in(tree)
        if UNCLEAR.fullmatch(name)
    ]
    assert not unclear, "\n".join(unclear)


def test_classes_that_may_meet_have_different_names() -> None:
    places: dict[tuple[str, str], list[str]] = defaultdict(list)
    for path, tree in modules():
        world = path.parts[0] if path.parts[0] in WORLDS else ""
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and node.name != "Command":
                places[world, node.name].append(path.as_posix())
    shared = {name: where for (_, name), where in places.items() if len(where) > 1}
    assert shared.keys() == SHARED.keys(), shared
