"""Compares spool_live's tables, part by part, with what the migrations make."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources

from spool_live.isolation import rules
from spool_live.isolation.audit.expected import expected_functions
from spool_live.isolation.findings import Finding, Rule
from spool_live.isolation.sandbox import Sandbox
from spool_live.isolation.target import FEED, SUPPORT_TABLES, Target

_RULES: dict[str, Rule] = {
    "table": rules.TABLE_KIND,
    "column": rules.COLUMN_DIFFERS,
    "key": rules.KEY_DIFFERS,
    "constraint": rules.CONSTRAINT_DIFFERS,
    "index": rules.INDEX_DIFFERS,
    "reference": rules.CONSTRAINT_DIFFERS,
    "sequence": rules.SEQUENCE_DIFFERS,
    "internal trigger": rules.CONSTRAINT_OFF,
}
_DJANGO = "public.django_migrations"
_OF_THE_PROJECT = ("column", "public.site_api_keys", "created_by_id")
"""A column whose type depends on the key of the project's user model."""
_UNIQUE = "CREATE UNIQUE INDEX"


@dataclass(frozen=True, slots=True)
class TablePart:
    """A part of a table. ``kind`` is table, column, key, constraint, index, sequence, internal
    trigger, or reference (a foreign key of another app's table)."""

    kind: str
    table: str
    name: str
    definition: str

    @property
    def place(self) -> tuple[str, str, str]:
        """What identifies the part: its kind, table and name."""
        return self.kind, self.table, self.name


@cache
def shipped_parts(*, one_database: bool) -> tuple[TablePart, ...]:
    """Return the parts that the migrations make in the Supabase database.

    ``one_database`` says that this database holds the content as well.
    """
    name = "one_database" if one_database else "two_databases"
    folder = resources.files("spool_live.isolation").joinpath("migrated")
    text = folder.joinpath(f"{name}.json").read_text("utf-8")
    return tuple(TablePart(**each) for each in json.loads(text))


def read_parts(box: Sandbox, target: Target) -> tuple[TablePart, ...]:
    """Return the parts that are in the database."""
    tables = [FEED, *SUPPORT_TABLES, *(t for t in target.closed_tables if t != _DJANGO)]
    parts = (TablePart(**row) for row in box.rows("baseline", {"tables": tables}))
    return tuple(part for part in parts if part.place != _OF_THE_PROJECT)


def audit_baseline(box: Sandbox, target: Target) -> Iterator[Finding]:
    """Yield a finding for every part that is missing, different or added, and for every other
    object that is not part of spool_live."""
    wanted = {part.place: part for part in shipped_parts(one_database=target.one_database)}
    found = {part.place: part for part in read_parts(box, target)}
    tables = {part.table for part in found.values()}
    for place, part in wanted.items():
        if part.table in tables and found.get(place) != part:
            yield _differs(part, found.get(place))
    for place, part in found.items():
        if place not in wanted and not _is_harmless(part):
            yield _added(part, wanted)
    yield from _strangers(box)


def _is_harmless(part: TablePart) -> bool:
    """Return whether an added part is a harmless index: one that neither refuses rows nor runs
    functions."""
    plain = not part.definition.startswith(_UNIQUE) and part.definition.count("(") == 1
    return part.kind == "index" and plain and " WHERE " not in part.definition


def _differs(part: TablePart, found: TablePart | None) -> Finding:
    what = f"it is {found.definition!r}" if found else "it is missing"
    reason = f"{part.kind} {part.name}: {what}; it must be {part.definition!r}"
    if part.kind == "table":
        reason = f"its kind, persistence and FORCE are {found and found.definition!r}"
    return _RULES[part.kind].broken(part.table, reason, sql=_repair(part, found))


def _repair(part: TablePart, found: TablePart | None) -> str:
    table, name = part.table, f'"{part.name}"'
    if part.kind == "column":
        return _repair_column(part, found)
    if part.kind in ("key", "constraint"):
        cascade = " cascade" if part.kind == "key" else ""
        drop = f"alter table {table} drop constraint if exists {name}{cascade};\n"
        return (
            f"{drop if found else ''}alter table {table} add constraint {name} {part.definition};"
        )
    if part.kind == "index":
        return f"drop index if exists {part.name};\n{part.definition};"
    if part.kind == "sequence":
        return f"alter sequence {part.name} {part.definition};" if found else ""
    repairs = []
    if found and not found.definition.endswith(" not forced"):
        repairs.append(f"alter table {table} no force row level security;")
    if found and found.definition.startswith("r u"):
        repairs.append(f"alter table {table} set logged;")
    return "\n".join(repairs)


def _repair_column(part: TablePart, found: TablePart | None) -> str:
    if found is None:
        return f'alter table {part.table} add column "{part.name}" {part.definition};'
    default = part.definition.partition(" default ")[2].removesuffix(" not null")
    nullable = not part.definition.endswith(" not null")
    kind = _type_of(part)
    column = f'alter table {part.table} alter column "{part.name}"'
    statements = []
    if _type_of(found) != kind:
        statements.append(f'{column} type {kind} using "{part.name}"::{kind};')
    if " generated default" in found.definition:
        statements.append(f"{column} drop expression;")
    if " identity" in part.definition and " identity" not in found.definition:
        statements.append(f"{column} add generated by default as identity;")
    elif " identity" not in part.definition:
        statements.append(f"{column} {f'set default {default}' if default else 'drop default'};")
    statements.append(f"{column} {'drop' if nullable else 'set'} not null;")
    return "\n".join(statements)


def _type_of(part: TablePart) -> str:
    kind = part.definition.partition(" default ")[0].removesuffix(" not null")
    return kind.removesuffix(" generated").partition(" generated ")[0]


def _added(part: TablePart, wanted: dict[tuple[str, str, str], TablePart]) -> Finding:
    rule = _RULES[part.kind]
    reason = f"{part.kind} {part.name}: it was added ({part.definition})"
    if part.kind in ("key", "constraint"):
        sql = f'alter table {part.table} drop constraint "{part.name}";'
        return rule.broken(part.table, reason, sql=sql)
    if part.kind == "index":
        return rule.broken(part.table, reason, sql=f"drop index {part.name};")
    if part.kind == "reference":
        table = part.definition.partition(": ")[0].partition(" of ")[2]
        reason = f"{part.definition}: it discloses which rows exist, or prevents their deletion"
        sql = f'alter table {table} drop constraint "{part.name}";'
        return rule.broken(part.table, reason, sql=sql)
    if part.kind == "internal trigger":
        return _switched_off(part, wanted)
    remedy = "It is not removed automatically, since it may hold data: look at it, then drop it."
    return rule.broken(part.table, reason, remedy=remedy)


def _switched_off(part: TablePart, wanted: dict[tuple[str, str, str], TablePart]) -> Finding:
    """Return the finding with SQL that replaces the constraint: only a superuser may enable its
    triggers again, but the owner of the table can create it anew."""
    reason = f"the triggers of constraint {part.name} are off: it is not enforced"
    made = [p for p in wanted.values() if p.kind == "constraint" and p.name == part.name]
    sql = "\n".join(_repair(each, each) for each in made)
    return rules.CONSTRAINT_OFF.broken(part.table, reason, sql=sql)


def _strangers(box: Sandbox) -> Iterator[Finding]:
    functions = expected_functions()
    parameters = {
        "tables": list(SUPPORT_TABLES),
        "names": list(functions),
        "signatures": [function.signature for function in functions.values()],
    }
    for row in box.rows("strangers", parameters):
        reason = f"a {row['what']} that is not part of spool_live"
        sql = "" if row["what"] == "table" else f"drop {row['what']} {row['name']};"
        remedy = "It may hold data: look at it, then drop it." if not sql else None
        yield rules.STRANGER.broken(row["name"], reason, sql=sql, remedy=remedy)
