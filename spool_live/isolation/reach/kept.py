"""Finds what code leaves in the session.

PostgREST's connections are shared, so the next request, maybe for another site, finds it.
"""

from __future__ import annotations

from collections.abc import Sequence

from spool_live.isolation.reach.parts import closes, code_of, expression_at
from spool_live.isolation.reach.tokens import SqlToken
from spool_live.isolation.reach.words import KEEPS

_TEMPORARY = ("temp", "temporary")
_MAKES = ("create", "replace", "into", "local", "global")


def kept_setting(tokens: Sequence[SqlToken], place: int) -> str:
    """Return a description if ``set_config`` at ``place`` outlives the transaction, with a value
    that is not a literal; otherwise an empty string."""
    arguments = _arguments(tokens[place + 2 : closes(tokens, place + 1)])
    texts = [[token.text for token in argument] for argument in arguments]
    local = ["true"] in texts[2:] or ["is_local", "=>", "true"] in texts
    written = len(arguments) > 1 and [token.kind for token in arguments[1]] == ["string"]
    return "" if local or written else "set_config() beyond the transaction"


def kept_at(tokens: Sequence[SqlToken], place: int) -> str:
    """Return what else the word at ``place`` leaves in the session, or an empty string."""
    if tokens[place].kind == "name":
        return ""
    word = tokens[place].text
    before = code_of(tokens[place - 1 : place]) if place else ""
    if (word in _TEMPORARY and before in _MAKES) or word == "pg_temp":
        rest = expression_at(tokens, place, until=(";",))
        ends = any(token.text == "commit" for token in rest)
        return "" if ends else "a temporary table"
    if word == "hold" and before == "with":
        return "a cursor with hold"
    called = code_of(tokens[place + 1 : place + 2]) == "("
    return f"{word}()" if word in KEEPS and called else ""


def _arguments(inside: Sequence[SqlToken]) -> list[list[SqlToken]]:
    arguments: list[list[SqlToken]] = [[]]
    depth = 0
    for token in inside:
        depth += {"(": 1, ")": -1}.get(code_of([token]), 0)
        if depth == 0 and code_of([token]) == ",":
            arguments.append([])
        else:
            arguments[-1].append(token)
    return arguments
