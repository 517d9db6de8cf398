"""The hazards of one function or piece of code by itself, wherever it leads."""

from __future__ import annotations

from collections.abc import Iterator

from spool_live.isolation.reach.catalog import Function
from spool_live.isolation.reach.code import Facts
from spool_live.isolation.reach.extensions import RUNNING_TEXT
from spool_live.isolation.reach.steps import Danger, Hazard, ReachStep
from spool_live.isolation.reach.words import READS_STRINGS, sets_identity

_TEXTUAL = ("text", "character varying", "cstring", "json", "jsonb", "name", "regclass", "xml")
_MADE_WITH_RANGES = frozenset((
    "range_constructor2", "range_constructor3",
    "multirange_constructor0", "multirange_constructor1", "multirange_constructor2",
))  # fmt: skip
_OFF = ("off", "false", "no", "0")
_SECRET = frozenset((
    "pg_authid", "pg_shadow", "pg_statistic", "pg_statistic_ext_data", "pg_user_mapping",
    "pg_largeobject", "pg_stats", "pg_stat_activity", "pg_user_mappings",
))  # fmt: skip


def of_attributes(function: Function, here: ReachStep) -> Iterator[Hazard]:
    """Yield the hazards of the function's attributes."""
    if function.leakproof and function.extension is None:
        what = "it is marked LEAKPROOF, so it gets rows before policies are applied"
        yield Hazard(Danger.PRIVATE, what, here.path)
    for setting in function.settings:
        name, _, value = setting.partition("=")
        if sets_identity(name.lower()):
            yield Hazard(Danger.IDENTITY, f"its attribute sets {setting}", here.path)
        elif name.lower() == READS_STRINGS and value.lower() in _OFF:
            what = f"its attribute sets {setting}, so its code cannot be read reliably"
            yield Hazard(Danger.OPAQUE, what, here.path)


def is_made_with_range(function: Function) -> bool:
    """Return whether PostgreSQL created the function with a range type, as its constructor."""
    return function.language == "internal" and function.source in _MADE_WITH_RANGES


def of_unread_code(function: Function, here: ReachStep) -> Iterator[Hazard]:
    """Yield the known hazards of an extension's function whose code cannot be read."""
    name, extension = function.name.lower(), function.extension or ""
    if extension in RUNNING_TEXT:
        if name in RUNNING_TEXT[extension] and not here.called:
            what = f"{function.name}() of the extension {extension} runs SQL that its caller passes"
            yield Hazard(Danger.DYNAMIC, what, here.path)
    elif function.security_definer or any(kind in _TEXTUAL for kind in function.takes):
        what = f"the code of the extension {extension} cannot be read from the catalog"
        yield Hazard(Danger.OPAQUE, what, here.path)


def of_code(facts: Facts, here: ReachStep, *, has_secrets: bool) -> Iterator[Hazard]:
    """Yield the hazards of code that are dangerous with any role's rights."""
    if facts.identity:
        what = f"it contains {facts.identity[0]!r}: it can become another role or caller"
        yield Hazard(Danger.IDENTITY, what, here.path)
    if facts.dynamic:
        what = f"it contains {facts.dynamic[0]!r}: it runs text that is not in its code"
        yield Hazard(Danger.DYNAMIC, what, here.path)
    if facts.secrets and has_secrets:
        what = f"it contains {facts.secrets[0]!r}, and a setting of the database is a secret"
        yield Hazard(Danger.SECRET, what, here.path)


def of_rights(acting: str, facts: Facts, here: ReachStep) -> Iterator[Hazard]:
    """Yield the hazards of code that runs with the rights of a role other than API callers."""
    if facts.rights:
        what = f"it contains {facts.rights[0]!r}, with the rights of {acting}"
        yield Hazard(Danger.RIGHTS, what, here.path)
    for name in sorted({name for _, name in facts.names} & _SECRET):
        what = f"it is read with the rights of {acting}"
        yield Hazard(Danger.PRIVATE, what, (*here.path, f"pg_catalog.{name}"))
