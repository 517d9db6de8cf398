"""Breaks the isolation one way at a time: what survives verify_rls is a failing test."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from spool_live.conf import live_settings
from spool_live.isolation import Report
from spool_live.isolation.rules import RULES
from spool_live.supabase.provisioning import provision
from tests.isolation.conftest import Superuser

HERE = Path(__file__).parent
REWRITE = (HERE / "rewrite.sql").read_text()


@dataclass(frozen=True)
class Mutation:
    """One way to break things, the findings that must name it, and whether to try their cure."""

    name: str
    caught: frozenset[str]
    healed: bool
    sql: str


def read_mutations(name: str) -> list[Mutation]:
    """The blocks of ``<name>.sql``."""
    blocks = re.split(r"^--- name: ", (HERE / f"{name}.sql").read_text(), flags=re.MULTILINE)[1:]
    return [_mutation(block) for block in blocks]


def _mutation(block: str) -> Mutation:
    name, _, rest = block.partition("\n")
    notes = dict(re.findall(r"^--- (\w+): (.*)$", rest, flags=re.MULTILINE))
    return Mutation(name, frozenset(notes["caught"].split()), "healed" not in notes, rest)


MUTATIONS = read_mutations("mutations")
if not live_settings().has_separate_databases:
    MUTATIONS += read_mutations("content_mutations")


def test_unbroken_database_has_no_finding(superuser: Superuser) -> None:
    assert superuser.verify().findings == ()


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_mutation_is_caught_and_named(superuser: Superuser, mutation: Mutation) -> None:
    superuser.execute(REWRITE, mutation.sql)
    report = superuser.verify()
    assert mutation.caught <= _codes(report), _told(report)
    if mutation.healed:
        _heal(superuser, report)
        assert superuser.verify().findings == ()


def test_there_are_enough_mutations_with_names_of_their_own() -> None:
    names = [mutation.name for mutation in MUTATIONS]
    assert len(set(names)) == len(names) >= 50


def test_every_rule_is_broken_by_some_mutation() -> None:
    every = [*MUTATIONS, *read_mutations("content_mutations")]
    caught = set().union(*(mutation.caught for mutation in every))
    assert set(RULES) - caught == {"RLS-I03"}  # which is about the file, not the database


def _heal(superuser: Superuser, report: Report) -> None:
    """Does what the findings say: their SQL, then live_setup."""
    superuser.execute(*(finding.sql for finding in report.findings if finding.sql))
    with superuser.as_migrator():
        provision(superuser.alias)


def _codes(report: Report) -> set[str]:
    return {finding.code for finding in report.findings}


def _told(report: Report) -> str:
    return "\n".join(f"{f.code} {f.subject}: {f.reason}" for f in report.findings)
