"""Values in the form in which the real server's messages show them: as terms of Elixir."""

from __future__ import annotations

from collections.abc import Mapping

_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def inspect_term(value: object) -> str:
    """Return ``value`` as ``inspect/1`` writes it: lists in brackets, tuples and maps in braces."""
    match value:
        case None | bool():
            return "nil" if value is None else str(value).lower()
        case str():
            return _quoted(value)
        case tuple() | list():
            content = ", ".join(map(inspect_term, value))
            return f"{{{content}}}" if isinstance(value, tuple) else f"[{content}]"
        case Mapping():
            pairs = (f"{inspect_term(key)} => {inspect_term(value[key])}" for key in sorted(value))
            return "%{" + ", ".join(pairs) + "}"
        case _:
            return str(value)


def _quoted(text: str) -> str:
    escaped = "".join(_ESCAPES.get(character, character) for character in text)
    return '"' + escaped.replace("#{", "\\#{") + '"'
