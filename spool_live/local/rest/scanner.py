"""Scan query parameters: names, JSON paths, quoted values, lists."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

from spool_live.local.rest.errors import ApiError, bad_query
from spool_live.local.rest.syntax import FieldRef, JsonStep

Item = TypeVar("Item")


class Scanner:
    """A scanner of one parameter's text. ``fail`` names the parameter and the position."""

    def __init__(self, text: str, what: str) -> None:
        self.text = text
        self.what = what
        self.at = 0

    @property
    def rest(self) -> str:
        return self.text[self.at :]

    def fail(self, expected: str) -> ApiError:
        found = f'"{self.rest[0]}"' if self.rest else "end of input"
        return bad_query(
            f'"failed to parse {self.what} ({self.text})" (line 1, column {self.at + 1})',
            f"unexpected {found} expecting {expected}",
        )

    def accept(self, token: str) -> bool:
        if not self.sees(token):
            return False
        self.at += len(token)
        return True

    def sees(self, token: str) -> bool:
        return self.text.startswith(token, self.at)

    def expect(self, token: str) -> None:
        if not self.accept(token):
            raise self.fail(f'"{token}"')

    def match(self, pattern: str) -> str | None:
        found = re.compile(pattern).match(self.text, self.at)
        if found is None:
            return None
        self.at = found.end()
        return found[0]

    def quoted(self) -> str | None:
        """Return a value in double quotes, if there is one; a backslash escapes the next
        character."""
        inside = self.match(r'"(?:[^"\\]|\\.)*"')
        return None if inside is None else re.sub(r"\\(.)", r"\1", inside[1:-1])

    def name(self) -> str:
        name = self.quoted()
        if name is None:
            name = (self.match(r"(?:[^\s.,():\"\-!]|-(?!>)| )+") or "").strip()
        if not name:
            raise self.fail("a column name")
        return name

    def field(self) -> FieldRef:
        column = self.name()
        steps: list[JsonStep] = []
        while (arrow := self.match("->>?")) is not None:
            key = self.quoted() or self.match(r"[^\s.,():\"\-]+")
            if key is None:
                raise self.fail("a JSON key")
            steps.append(JsonStep(key, as_text=arrow == "->>"))
        return FieldRef(column, tuple(steps))

    def skip_spaces(self) -> None:
        self.match(r"\s*")

    def end(self) -> None:
        if self.rest:
            raise self.fail("end of input")

    def items(self, item: Callable[[Scanner], Item]) -> tuple[Item, ...]:
        """Return one or more values, separated by commas, each read by ``item``."""
        found = [item(self)]
        while self.accept(","):
            found.append(item(self))
        return tuple(found)
