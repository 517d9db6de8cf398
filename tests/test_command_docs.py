"""The reference of the commands agrees with the code: each command, each argument, each default."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import BaseCommand, get_commands, load_command_class

PAGE = Path(__file__).parent.parent / "docs" / "reference" / "commands.md"
COMMANDS = sorted(name for name, app in get_commands().items() if app == "spool_live")
SHARED = BaseCommand().create_parser("manage.py", "any")
DJANGOS_OWN = {option for action in SHARED._actions for option in action.option_strings}


def documented() -> dict[str, dict[str, str]]:
    """For each command the defaults by argument, as the page has them."""
    sections = re.split(r"^## `([a-z_]+)`$", PAGE.read_text("utf-8"), flags=re.MULTILINE)[1:]
    row = re.compile(r"^\| `([^`]+)` \| ?([^|]*?) ?\|", re.MULTILINE)
    pairs = zip(sections[::2], sections[1::2], strict=True)
    return {name: dict(row.findall(section)) for name, section in pairs}


def arguments(parser: argparse.ArgumentParser) -> Iterator[tuple[str, object]]:
    """Options and subcommands, with their defaults; not the values that have no name."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, below in action.choices.items():
                yield name, None
                yield from arguments(below)
        elif action.default == argparse.SUPPRESS:  # the same option, accepted after a subcommand
            continue
        elif action.option_strings and not DJANGOS_OWN & set(action.option_strings):
            yield action.option_strings[0], action.default


@pytest.mark.parametrize("name", COMMANDS)
def test_arguments_and_defaults_are_documented(name: str) -> None:
    parser = load_command_class("spool_live", name).create_parser("manage.py", name)
    real = dict(arguments(parser))
    page = documented()[name]
    assert set(page) == set(real)
    for argument, default in real.items():
        if isinstance(default, (str, int, float, Path)) and default not in ("", False):
            assert page[argument] == f"`{default}`", argument


def subcommands() -> Iterator[tuple[str, str, argparse.ArgumentParser]]:
    for name in COMMANDS:
        parser = load_command_class("spool_live", name).create_parser("manage.py", name)
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                yield from ((name, below, inner) for below, inner in action.choices.items())


@pytest.mark.parametrize(
    ("name", "below", "parser"),
    [pytest.param(*one, id=f"{one[0]} {one[1]}") for one in subcommands()],
)
def test_every_subcommand_takes_the_format_after_it(
    name: str, below: str, parser: argparse.ArgumentParser
) -> None:
    options = {option for action in parser._actions for option in action.option_strings}
    assert "--format" in options, f"{name} {below}"


def test_no_command_is_documented_that_is_not_there() -> None:
    assert set(documented()) == set(COMMANDS)


def test_documentation_names_no_command_that_is_not_there() -> None:
    root = PAGE.parents[2]
    others = {path.stem for path in root.glob("*/*/**/management/commands/[a-z]*.py")}
    known = set(get_commands()) | others
    named = {
        (name, path.relative_to(root).as_posix())
        for path in (*(root / "docs").rglob("*.md"), *root.glob("*.md"))
        for name in re.findall(r"manage\.py ([a-z][a-z_]+)", path.read_text("utf-8"))
    }
    assert len(named) > 50
    assert not {(name, where) for name, where in named if name not in known}
