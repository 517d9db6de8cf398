"""Determines from its text what a piece of SQL or PL/pgSQL does.

This is not a parser, but a scanner that errs on the side of reporting too much. It ignores
comments, and reads strings only if they are executed. Executed text that is not in the code is
reported as dynamic.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from spool_live.isolation.reach.kept import kept_at, kept_setting
from spool_live.isolation.reach.parts import (
    PLACE,
    STARTS,
    code_of,
    expression_at,
    literal,
    template_of,
    variable,
)
from spool_live.isolation.reach.tokens import SqlToken, scan
from spool_live.isolation.reach.words import (
    CHANGES_RIGHTS,
    CONNECTS,
    READS_EVERYTHING,
    READS_STRINGS,
    RUNS_TEXT,
    SECRET_SETTING,
    sets_identity,
)

ANYTHING = "*"
_NO_STATEMENT_AFTER = ("grant", "revoke", ",", ".", "as")
_NO_STATEMENT_BEFORE = (".", "function", "procedure", ")", "on")
_HOLDS_CODE = ("do", "create")


@dataclass
class Facts:
    """Facts about what a piece of code does.

    ``names`` are the pairs of schema (``None`` without one) and name that it mentions, with ``*``
    for a name that is known only when it runs; ``written`` those that it inserts into or updates.
    The lists describe for people how it does something: ``identity`` changes the role or the
    claims, ``dynamic`` runs text that is not in the code, ``rights`` changes rights or definitions,
    ``secrets`` reads settings that may be secret, and ``kept`` leaves data in the session, where
    the next request finds it.
    """

    names: set[tuple[str | None, str]] = field(default_factory=set)
    written: set[tuple[str | None, str]] = field(default_factory=set)
    operators: set[str] = field(default_factory=set)
    identity: list[str] = field(default_factory=list)
    dynamic: list[str] = field(default_factory=list)
    rights: list[str] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)

    def add(self, other: Facts) -> None:
        """Add everything that ``other`` does."""
        self.names |= other.names
        self.written |= other.written
        self.operators |= other.operators
        self.identity += other.identity
        self.dynamic += other.dynamic
        self.rights += other.rights
        self.secrets += other.secrets
        self.kept += other.kept


@lru_cache(maxsize=4096)
def read_code(text: str, *, parameters: tuple[str, ...] = ()) -> Facts:
    """Return what ``text`` does. ``parameters`` are the names of a function's parameters, whose
    values the caller chooses."""
    facts = Facts()
    tokens = scan(text)
    if any(token.kind == "odd" for token in tokens):
        facts.dynamic.append("names in Unicode escapes")
    for place, token in enumerate(tokens):
        if token.kind == "operator":
            facts.operators.add(token.text)
        elif token.kind in ("word", "name"):
            _read_word(facts, tokens, place, parameters)
    facts.names |= set(_names(tokens))
    facts.written |= set(_written(tokens))
    return facts


def _read_word(
    facts: Facts, tokens: Sequence[SqlToken], place: int, parameters: tuple[str, ...]
) -> None:
    word, following = tokens[place].text, tokens[place + 1 :]
    starts = place == 0 or tokens[place - 1].text in STARTS
    facts.kept += filter(None, [kept_at(tokens, place)])
    if starts and word in _HOLDS_CODE and tokens[place].kind == "word":
        _read_held_code(facts, following)
    if word == "execute" and _is_statement(tokens, place):
        _read_execute(facts, tokens, place, parameters)
    elif word in ("set", "reset", "discard") and starts:
        _read_set(facts, word, [token.text for token in following[:4]])
    elif word == "pg_settings" and "update" in [t.text for t in tokens[max(0, place - 4) : place]]:
        facts.identity.append("update pg_settings")
    elif code_of(following[:1]) == "(":
        _read_call(facts, tokens, place)
    elif starts and word in CHANGES_RIGHTS and not _is_temporary(following):
        facts.rights.append(" ".join([word, *(token.text for token in following[:2])]))


def _read_call(facts: Facts, tokens: Sequence[SqlToken], place: int) -> None:
    word, arguments = tokens[place].text, tokens[place + 2 : place + 4]
    if word == "set_config":
        _read_set_config(facts, arguments)
        facts.kept += filter(None, [kept_setting(tokens, place)])
    elif word == "current_setting":
        _read_current_setting(facts, arguments)
    elif word in CONNECTS:
        facts.identity.append(f"{word}(), which queries a database as another role")
    elif word in RUNS_TEXT:
        _read_run_text(facts, word, arguments)
    elif word in READS_EVERYTHING:
        facts.names.add((ANYTHING, ANYTHING))
        facts.dynamic += [f"{word}()"] * READS_EVERYTHING[word]


def _is_statement(tokens: Sequence[SqlToken], place: int) -> bool:
    """Return whether ``execute`` runs a text here: it may also be a privilege, a name, or part of
    ``execute function``."""
    before = code_of(tokens[place - 1 : place]) if place else ";"
    after = code_of(tokens[place + 1 : place + 2])
    return before not in _NO_STATEMENT_AFTER and after not in _NO_STATEMENT_BEFORE


def _read_execute(
    facts: Facts, tokens: Sequence[SqlToken], place: int, parameters: tuple[str, ...]
) -> None:
    expression = expression_at(tokens, place + 1)
    template = template_of(expression)
    if template is None and len(expression) == 1:
        template = variable(tokens, expression[0].text, parameters)
    if template is None:
        shown = " ".join(token.text for token in expression[:6])
        facts.dynamic.append(f"execute {shown}")
    else:
        facts.add(_read_template(template))


def _read_template(template: str) -> Facts:
    def shown(found: re.Match[str]) -> str:
        return {"I": ' "*" ', "L": " '' "}.get(found[1], "%")

    return read_code(re.sub(r'"\*" \s*\.', '"*".', PLACE.sub(shown, template)))


def _read_set(facts: Facts, word: str, following: Sequence[str]) -> None:
    names = [name for name in following if name not in ("local", "session")]
    name = names[0] if names else ""
    if names[1:2] == ["."]:
        name = "".join(names[:3])
    if name in ("authorization", "all") or sets_identity(name):
        facts.identity.append(f"{word} {name}")
    elif name == READS_STRINGS:
        facts.dynamic.append(f"{word} {name}")


def _read_set_config(facts: Facts, arguments: Sequence[SqlToken]) -> None:
    name = literal(arguments, ",")
    if name is None:
        facts.identity.append("set_config() of a computed setting")
    elif sets_identity(name.lower()):
        facts.identity.append(f"set_config({name!r})")
    elif name.lower() == READS_STRINGS:
        facts.dynamic.append(f"set_config({name!r})")


def _read_held_code(facts: Facts, following: Sequence[SqlToken]) -> None:
    """Read the code in the strings of a statement ``create function`` or ``do``."""
    for token in expression_at(following, 0, until=(";",)):
        if token.kind == "string":
            facts.add(read_code(token.text))


def _read_current_setting(facts: Facts, arguments: Sequence[SqlToken]) -> None:
    name = literal(arguments, ",)")
    if name is None:
        facts.secrets.append("current_setting() of a computed setting")
    elif SECRET_SETTING.search(name):
        facts.secrets.append(f"current_setting({name!r})")


def _read_run_text(facts: Facts, word: str, arguments: Sequence[SqlToken]) -> None:
    text = literal(arguments, ",)::")
    if text is not None:
        facts.add(read_code(text))
    else:
        facts.dynamic.append(f"{word}()")


def _is_temporary(following: Sequence[SqlToken]) -> bool:
    return code_of(following[:1]) in ("temp", "temporary")


def _names(tokens: Sequence[SqlToken]) -> Iterator[tuple[str | None, str]]:
    for place, token in enumerate(tokens):
        if token.kind not in ("word", "name"):
            continue
        after_dot = place > 0 and tokens[place - 1].text == "."
        if place + 2 < len(tokens) and tokens[place + 1].text == ".":
            yield token.text, tokens[place + 2].text
        if not after_dot and not (place and tokens[place - 1].text == "as"):
            yield None, token.text


def _written(tokens: Sequence[SqlToken]) -> Iterator[tuple[str | None, str]]:
    for place, token in enumerate(tokens[:-1]):
        if token.text in ("into", "update", "copy", "view") and token.kind == "word":
            rest = [t for t in tokens[place + 1 : place + 5] if t.text != "only"]
            match rest:
                case [schema, SqlToken(text="."), name, *_]:
                    yield schema.text, name.text
                case [name, *_]:
                    yield None, name.text
