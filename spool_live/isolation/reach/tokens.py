"""Splits SQL into tokens, by PostgreSQL's lexical rules (chapter 4.1 of its manual).

It follows them far enough to leave comments out, and to separate strings from code.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

_SIMPLE = re.compile(
    r"""(?P<space>\s+)
      | (?P<comment>--[^\n]*)
      | (?P<odd>[uU]&["'])
      | (?P<escaped>[eE]'(?:[^'\\]|\\.|'')*')
      | (?P<string>(?:[bBxXnN])?'(?:[^']|'')*')
      | (?P<name>"(?:[^"]|"")*")
      | (?P<dollar>\$(?P<tag>(?:[^\W\d]\w*)?)\$)
      | (?P<number>\d[\w.]*|\.\d[\w]*)
      | (?P<word>[^\W\d][\w$]*)
      | (?P<parameter>\$\d+)
      | (?P<punctuation>::|:=|=>|\.\.|[()\[\],;.:])
      | (?P<operator>[-+*/<>=~!@\#%^&|`?]+)
      | (?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)


_ESCAPE = re.compile(
    r"""\\(?:(?P<octal>[0-7]{1,3})
          |(?:x(?=[0-9A-Fa-f])|u(?=[0-9A-Fa-f]{4})|U(?=[0-9A-Fa-f]{8}))
           (?P<hexadecimal>(?<=x)[0-9A-Fa-f]{1,2}|(?<=u)[0-9A-Fa-f]{4}|(?<=U)[0-9A-Fa-f]{8})
          |(?P<letter>.))""",
    re.VERBOSE | re.DOTALL,
)
_LETTERS = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_LONGEST = 63
"""Maximum length of a name in bytes (NAMEDATALEN - 1)."""


@dataclass(frozen=True, slots=True)
class SqlToken:
    """One token.

    ``kind`` is ``word`` (in lower case), ``name`` (a quoted one), ``string`` (``text`` is its
    content), ``number``, ``parameter``, ``operator`` (also punctuation) or ``odd`` (a string or
    name with Unicode escapes, which is not read).
    """

    kind: str
    text: str


@lru_cache(maxsize=4096)
def scan(text: str) -> tuple[SqlToken, ...]:
    """Return the tokens of ``text``, without comments."""
    return tuple(_tokens(text))


def canonical(text: str) -> str:
    """Return ``text`` without comments, layout, parentheses and qualifiers, which versions of
    PostgreSQL deparse differently."""
    tokens = scan(text)
    kept = [
        repr(token.text) if token.kind == "string" else token.text
        for place, token in enumerate(tokens)
        if token.text not in ("(", ")", ".")
        and not (place + 1 < len(tokens) and tokens[place + 1].text == ".")
    ]
    return " ".join(kept)


def _tokens(text: str) -> Iterator[SqlToken]:
    place = 0
    while place < len(text):
        if text.startswith("/*", place):
            place = _after_comment(text, place)
            continue
        found = _SIMPLE.match(text, place)
        if found is None:  # pragma: no cover - the last alternative takes anything
            return
        place = found.end()
        kind = found.lastgroup or ""
        if found["dollar"] is not None:
            end = text.find(found["dollar"], place)
            end = len(text) if end < 0 else end
            yield SqlToken("string", text[place:end])
            place = end + len(found["dollar"])
        elif kind not in ("space", "comment"):
            yield _token(kind, found[0])


def _token(kind: str, text: str) -> SqlToken:
    if kind == "word":
        return SqlToken("word", _cut(text.lower()))
    if kind == "name":
        return SqlToken("name", _cut(text[1:-1].replace('""', '"')))
    if kind == "string":
        return SqlToken("string", text[text.index("'") + 1 : -1].replace("''", "'"))
    if kind == "escaped":
        return SqlToken("string", _unescaped(text[2:-1]))
    if kind in ("punctuation", "other"):
        return SqlToken("operator", text)
    return SqlToken(kind, text)


def _cut(name: str) -> str:
    """Return ``name``, truncated to the length of PostgreSQL's names."""
    return name.encode()[:_LONGEST].decode(errors="ignore")


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(_meant, text.replace("''", "'"))


def _meant(found: re.Match[str]) -> str:
    octal, hexadecimal, letter = found["octal"], found["hexadecimal"], found["letter"]
    if octal is not None:
        return chr(int(octal, 8) & 0xFF)
    if hexadecimal is not None:
        return chr(min(int(hexadecimal, 16), sys.maxunicode))
    return _LETTERS.get(letter, letter)


def _after_comment(text: str, place: int) -> int:
    """Return the index after a comment in C's style, which may contain others."""
    depth = 0
    while place < len(text):
        if text.startswith("/*", place):
            depth, place = depth + 1, place + 2
        elif text.startswith("*/", place):
            depth, place = depth - 1, place + 2
            if depth == 0:
                return place
        else:
            place += 1
    return place
