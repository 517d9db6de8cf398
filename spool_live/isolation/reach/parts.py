"""Finds parts of code in its tokens: expressions, their text as far as it is known before the code
runs, and the texts that a variable may hold."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from spool_live.isolation.reach.tokens import SqlToken

STARTS = {";", "begin", "then", "else", "loop", "$"}
PLACE = re.compile(r"%(?:\d+\$)?-?(?:\d+|\*(?:\d+\$)?)?([sIL%])")
_QUOTERS = {"quote_ident": "%I", "quote_literal": "%L", "quote_nullable": "%L"}
_ENDS_STATEMENT = {";", "using", "into", "loop", ")"}


def code_of(tokens: Sequence[SqlToken]) -> str:
    """Return the text of the first token, or an empty string if it is a string or a quoted name."""
    return tokens[0].text if tokens and tokens[0].kind not in ("string", "name") else ""


def literal(tokens: Sequence[SqlToken], behind: str) -> str | None:
    """Return the text of the first token if it is a string that a token in ``behind`` follows.

    Then it is the whole argument. Otherwise return ``None``.
    """
    match tokens:
        case [SqlToken(kind="string", text=text), SqlToken(text=following), *_] if (
            following in behind
        ):
            return text
    return None


def expression_at(
    tokens: Sequence[SqlToken], start: int, *, until: Collection[str] = _ENDS_STATEMENT
) -> list[SqlToken]:
    """Return the tokens from ``start`` up to one of ``until`` that is outside of parentheses."""
    found: list[SqlToken] = []
    depth = 0
    for token in tokens[start:]:
        if depth == 0 and code_of([token]) in until:
            break
        depth += {"(": 1, ")": -1}.get(token.text, 0) if token.kind == "operator" else 0
        found.append(token)
    return found


def template_of(expression: Sequence[SqlToken]) -> str | None:
    """Return the text that the expression yields, with ``%I`` and ``%L`` in place of quoted values.

    Returns ``None`` if the text is not known before the code runs.
    """
    if not expression:
        return None
    if expression[0].text == "format":
        text = literal(expression[2:4], ",)")
        whole = closes(expression, 1) == len(expression) - 1
        raw = any(found[1] == "s" for found in PLACE.finditer(text or ""))
        return text if whole and not raw else None
    parts: list[str] = []
    place = 0
    while place < len(expression):
        token = expression[place]
        if token.kind == "string":
            parts.append(token.text)
            place += 1
        elif token.text in _QUOTERS and code_of(expression[place + 1 : place + 2]) == "(":
            parts.append(_QUOTERS[token.text])
            place = closes(expression, place + 1) + 1
        else:
            return None
        if place < len(expression):
            if expression[place].text != "||":
                return None
            place += 1
    return "".join(parts)


def closes(tokens: Sequence[SqlToken], opening: int) -> int:
    """Return the index of the token that closes the parenthesis at ``opening``."""
    depth = 0
    for place in range(opening, len(tokens)):
        if tokens[place].kind == "operator":
            depth += {"(": 1, ")": -1}.get(tokens[place].text, 0)
        if depth == 0:
            return place
    return len(tokens)


def variable(tokens: Sequence[SqlToken], name: str, parameters: tuple[str, ...]) -> str | None:
    """Return all texts that the variable ``name`` may hold, joined as statements.

    Returns ``None`` if one of them is not known before the code runs, or if the variable is used in
    another way than assigned and executed, which may change it.
    """
    if name in parameters or name.startswith("$"):
        return None
    texts: list[str] = []
    for place, token in enumerate(tokens):
        if token.text != name or token.kind == "string" or _is_executed(tokens, place):
            continue
        assigned = _assignment(tokens, place)
        template = template_of(assigned) if assigned else None
        if template is not None:
            texts.append(template)
        elif assigned != []:
            return None
    return ";\n".join(texts) if texts else None


def _is_executed(tokens: Sequence[SqlToken], place: int) -> bool:
    return place > 0 and code_of(tokens[place - 1 : place]) == "execute"


def _assignment(tokens: Sequence[SqlToken], place: int) -> list[SqlToken] | None:
    """Return the tokens that are assigned at ``place``.

    They are empty if the variable is declared without a value; the result is ``None`` if ``place``
    is neither an assignment nor a declaration.
    """
    before = code_of(tokens[place - 1 : place]) if place else ";"
    after = code_of(tokens[place + 1 : place + 2])
    if after in (":=", "=") and before in STARTS:
        return expression_at(tokens, place + 2)
    if before not in (";", "declare"):
        return None
    declared = expression_at(tokens, place + 1, until=(";",))
    for mark, token in enumerate(declared):
        if code_of([token]) in (":=", "=", "default"):
            return declared[mark + 1 :]
    plain = declared and all(t.kind == "word" for t in declared) and declared[0].text != "alias"
    return [] if plain else None
