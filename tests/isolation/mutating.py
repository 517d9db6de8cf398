"""Blocks of SQL that break something, or do not: how they are read, applied and undone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

from spool_live.isolation import Report
from spool_live.supabase.provisioning import provision
from tests.isolation.conftest import Superuser

HERE = Path(__file__).parent
REWRITE = (HERE / "rewrite.sql").read_text()
OF_ATTACKS = "RXWSJBMDI"
CONTRIB = re.compile(r"^create extension (?!vector\b)", re.MULTILINE)


@dataclass(frozen=True)
class Mutation:
    """One way to break things, the findings that must name it, whether to try their remedies, and
    the role that runs it."""

    name: str
    caught: frozenset[str]
    healed: bool
    role: str
    sql: str

    @property
    def is_for_attacks(self) -> bool:
        """Whether attacks have to show it, beside the catalog."""
        return any(code[4] in OF_ATTACKS for code in self.caught)

    def apply(self, superuser: Superuser) -> None:
        """Break the database."""
        superuser.execute(REWRITE, f"set role {self.role}", self.sql, "reset role")


def read_mutations(name: str) -> list[Mutation]:
    """The blocks of ``<name>.sql``."""
    blocks = re.split(r"^--- name: ", (HERE / f"{name}.sql").read_text(), flags=re.MULTILINE)[1:]
    return [_mutation(block) for block in blocks]


def cases(mutations: list[Mutation]) -> list[ParameterSet]:
    """Each as a test's parameter under its name; marked where PostgreSQL's own extensions are
    needed, which not every build has."""
    return [
        pytest.param(m, id=m.name, marks=[pytest.mark.contrib] if CONTRIB.search(m.sql) else [])
        for m in mutations
    ]


def _mutation(block: str) -> Mutation:
    name, _, rest = block.partition("\n")
    notes = dict(re.findall(r"^--- (\w+): (.*)$", rest, flags=re.MULTILINE))
    caught = frozenset(notes.get("caught", "").split())
    return Mutation(name, caught, "healed" not in notes, notes.get("as", "supabase_admin"), rest)


def mend(superuser: Superuser, report: Report) -> None:
    """Do what the findings say: run their SQL, then live_setup."""
    superuser.execute(*(finding.sql for finding in report.findings if finding.sql))
    with superuser.as_migrator():
        provision(superuser.alias)


def codes(report: Report) -> set[str]:
    """Return the codes of the broken rules."""
    return {finding.code for finding in report.findings}


def described(report: Report) -> str:
    """Return the findings as text, for the message of a failing test."""
    return "\n".join(f"{f.code} {f.subject}: {f.reason}" for f in report.findings)
