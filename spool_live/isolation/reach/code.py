"""What a piece of SQL or PL/pgSQL does, as far as its text says it.

Not a parser: a scanner that errs on the side of seeing too much. Comments are left out, strings are
looked into only where they are run, and whatever is run without being written there is reported as
dynamic. Pure: text in, :class:`Facts` out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from spool_live.isolation.reach.tokens import Token, scan
from spool_live.isolation.reach.words import (
    CHANGES_RIGHTS,
    READS_EVERYTHING,
    RUNS_TEXT,
    SECRET_SETTING,
    says_who_asks,
)

ANYTHING = "*"
_STARTS = {";", "begin", "then", "else", "loop", "$"}
_FORMAT = re.compile(r"%(?:\d+\$)?-?(?:\d+|\*(?:\d+\$)?)?([sIL%])")
_QUOTERS = {"quote_ident": "%I", "quote_literal": "%L", "quote_nullable": "%L"}
_NO_STATEMENT_AFTER = ("grant", "revoke", ",", ".", "as")
_NO_STATEMENT_BEFORE = (".", "function", "procedure", ")", "on")
_ENDS_STATEMENT = {";", "using", "into", "loop", ")"}


@dataclass
class Facts:
    """What the code does.

    ``names`` are pairs of schema (``None`` where there is none) and name, ``*`` for a name that is
    only known when it runs; ``written`` those of them that are inserted into or updated.
    ``identity`` says how it changes role or claims, ``dynamic`` how it runs text that is not in it,
    ``rights`` which statements change rights or definitions, ``secrets`` how it reads settings
    that may be secret.
    """

    names: set[tuple[str | None, str]] = field(default_factory=set)
    written: set[tuple[str | None, str]] = field(default_factory=set)
    operators: set[str] = field(default_factory=set)
    identity: list[str] = field(default_factory=list)
    dynamic: list[str] = field(default_factory=list)
    rights: list[str] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list)

    def add(self, other: Facts) -> None:
        """Takes over everything that ``other`` does."""
        self.names |= other.names
        self.written |= other.written
        self.operators |= other.operators
        self.identity += other.identity
        self.dynamic += other.dynamic
        self.rights += other.rights
        self.secrets += other.secrets


@lru_cache(maxsize=4096)
def read_code(text: str, *, parameters: tuple[str, ...] = ()) -> Facts:
    """What ``text`` does; ``parameters`` are the names of a function's, which a caller decides."""
    facts = Facts()
    tokens = scan(text)
    if any(token.kind == "odd" for token in tokens):
        facts.dynamic.append("names in Unicode escapes")
    for place, token in enumerate(tokens):
        if token.kind == "operator":
            facts.operators.add(token.text)
        elif token.kind in ("word", "name"):
            _at(facts, tokens, place, parameters)
    facts.names |= set(_names(tokens))
    facts.written |= set(_written(tokens))
    return facts


def _at(facts: Facts, tokens: Sequence[Token], place: int, parameters: tuple[str, ...]) -> None:
    word, following = tokens[place].text, tokens[place + 1 :]
    starts = place == 0 or tokens[place - 1].text in _STARTS
    if word == "execute" and _is_statement(tokens, place):
        _executed(facts, tokens, place, parameters)
    elif word in ("set", "reset", "discard") and starts:
        _set(facts, word, [token.text for token in following[:4]])
    elif word == "set_config" and _text_of(following[:1]) == "(":
        _set_config(facts, following[1:3])
    elif word == "current_setting" and _text_of(following[:1]) == "(":
        _current_setting(facts, following[1:3])
    elif word == "pg_settings" and "update" in [t.text for t in tokens[max(0, place - 4) : place]]:
        facts.identity.append("update pg_settings")
    elif word in RUNS_TEXT and _text_of(following[:1]) == "(":
        _runs_text(facts, word, following[1:3])
    elif word in READS_EVERYTHING and _text_of(following[:1]) == "(":
        facts.names.add((ANYTHING, ANYTHING))
        facts.dynamic += [f"{word}()"] * READS_EVERYTHING[word]
    elif starts and word in CHANGES_RIGHTS and not _is_temporary(following):
        facts.rights.append(" ".join([word, *(token.text for token in following[:2])]))


def _is_statement(tokens: Sequence[Token], place: int) -> bool:
    """Not ``execute function``, nor the privilege, nor a name."""
    before = tokens[place - 1].text if place else ";"
    after = tokens[place + 1].text if place + 1 < len(tokens) else ";"
    return before not in _NO_STATEMENT_AFTER and after not in _NO_STATEMENT_BEFORE


def _executed(
    facts: Facts, tokens: Sequence[Token], place: int, parameters: tuple[str, ...]
) -> None:
    expression = _expression(tokens, place + 1)
    template = _template(expression)
    if template is None and len(expression) == 1:
        template = _variable(tokens, expression[0].text, parameters)
    if template is None:
        shown = " ".join(token.text for token in expression[:6])
        facts.dynamic.append(f"execute {shown}")
    else:
        facts.add(_templated(template))


def _expression(tokens: Sequence[Token], start: int) -> list[Token]:
    found: list[Token] = []
    depth = 0
    for token in tokens[start:]:
        if depth == 0 and token.kind != "string" and token.text in _ENDS_STATEMENT:
            break
        depth += {"(": 1, ")": -1}.get(token.text, 0) if token.kind == "operator" else 0
        found.append(token)
    return found


def _template(expression: Sequence[Token]) -> str | None:
    """The text that is run, with ``%I`` and ``%L`` where a quoted value goes; ``None`` where it
    cannot be said."""
    if not expression:
        return None
    if expression[0].text == "format":
        text = _literal(expression[2:4], ",)")
        whole = _closes(expression, 1) == len(expression) - 1
        raw = any(found[1] == "s" for found in _FORMAT.finditer(text or ""))
        return text if whole and not raw else None
    parts: list[str] = []
    place = 0
    while place < len(expression):
        token = expression[place]
        if token.kind == "string":
            parts.append(token.text)
            place += 1
        elif token.text in _QUOTERS and _text_of(expression[place + 1 : place + 2]) == "(":
            parts.append(_QUOTERS[token.text])
            place = _closes(expression, place + 1) + 1
        else:
            return None
        if place < len(expression):
            if expression[place].text != "||":
                return None
            place += 1
    return "".join(parts)


def _closes(tokens: Sequence[Token], opening: int) -> int:
    depth = 0
    for place in range(opening, len(tokens)):
        if tokens[place].kind == "operator":
            depth += {"(": 1, ")": -1}.get(tokens[place].text, 0)
        if depth == 0:
            return place
    return len(tokens)


def _variable(tokens: Sequence[Token], name: str, parameters: tuple[str, ...]) -> str | None:
    """The text in a variable that is only ever assigned text that can be said."""
    if name in parameters:
        return None
    texts: list[str] = []
    for place, token in enumerate(tokens[:-1]):
        if token.text != name or token.kind == "string":
            continue
        before = tokens[place - 1].text if place else ""
        if before in ("into", "for", ",", "strict"):
            return None
        assigned = _assignment(tokens, place)
        if assigned is None:
            continue
        template = _template(assigned)
        if template is None:
            return None
        texts.append(template)
    return ";\n".join(texts) if texts else None


def _assignment(tokens: Sequence[Token], place: int) -> list[Token] | None:
    before = tokens[place - 1].text if place else ";"
    after = tokens[place + 1].text
    if after in (":=", "=") and before in _STARTS:
        return _expression(tokens, place + 2)
    declared = [token.text for token in tokens[place + 1 : place + 5]]
    for mark in (":=", "default"):
        if before in (*_STARTS, "declare") and mark in declared and ";" not in declared:
            return _expression(tokens, place + 2 + declared.index(mark))
    return None


def _templated(template: str) -> Facts:
    def shown(found: re.Match[str]) -> str:
        return {"I": ' "*" ', "L": " '' "}.get(found[1], "%")

    return read_code(re.sub(r'"\*" \s*\.', '"*".', _FORMAT.sub(shown, template)))


def _set(facts: Facts, word: str, following: Sequence[str]) -> None:
    names = [name for name in following if name not in ("local", "session")]
    name = names[0] if names else ""
    if names[1:2] == ["."]:
        name = "".join(names[:3])
    if name in ("authorization", "all") or says_who_asks(name):
        facts.identity.append(f"{word} {name}")


def _set_config(facts: Facts, arguments: Sequence[Token]) -> None:
    name = _literal(arguments, ",")
    if name is None:
        facts.identity.append("set_config() of a setting that it makes up")
    elif says_who_asks(name.lower()):
        facts.identity.append(f"set_config({name!r})")


def _current_setting(facts: Facts, arguments: Sequence[Token]) -> None:
    name = _literal(arguments, ",)")
    if name is None:
        facts.secrets.append("current_setting() of a setting that it makes up")
    elif SECRET_SETTING.search(name):
        facts.secrets.append(f"current_setting({name!r})")


def _runs_text(facts: Facts, word: str, arguments: Sequence[Token]) -> None:
    text = _literal(arguments, ",)::")
    if text is not None:
        facts.add(read_code(text))
    else:
        facts.dynamic.append(f"{word}()")


def _literal(tokens: Sequence[Token], behind: str) -> str | None:
    """The text of a string that is the whole argument: one of ``behind`` follows."""
    match tokens:
        case [Token(kind="string", text=text), Token(text=following), *_] if following in behind:
            return text
    return None


def _is_temporary(following: Sequence[Token]) -> bool:
    return _text_of(following[:1]) in ("temp", "temporary")


def _names(tokens: Sequence[Token]) -> Iterator[tuple[str | None, str]]:
    for place, token in enumerate(tokens):
        if token.kind not in ("word", "name"):
            continue
        after_dot = place > 0 and tokens[place - 1].text == "."
        if place + 2 < len(tokens) and tokens[place + 1].text == ".":
            yield token.text, tokens[place + 2].text
        if not after_dot and not (place and tokens[place - 1].text == "as"):
            yield None, token.text


def _written(tokens: Sequence[Token]) -> Iterator[tuple[str | None, str]]:
    for place, token in enumerate(tokens[:-1]):
        if token.text in ("into", "update", "copy", "view") and token.kind == "word":
            rest = [t for t in tokens[place + 1 : place + 5] if t.text != "only"]
            match rest:
                case [schema, Token(text="."), name, *_]:
                    yield schema.text, name.text
                case [name, *_]:
                    yield None, name.text


def _text_of(tokens: Sequence[Token]) -> str:
    return tokens[0].text if tokens and tokens[0].kind != "string" else ""
