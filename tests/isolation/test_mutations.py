"""Breaks the isolation one way at a time: what survives verify_rls is a failing test."""

from __future__ import annotations

from typing import Any

import pytest

from spool_live.conf import live_settings
from spool_live.isolation.rules import RULES
from tests.isolation.conftest import Superuser
from tests.isolation.mutating import Mutation, codes, described, mend, read_mutations

OF_CONTENT = [] if live_settings().has_separate_databases else read_mutations("content_mutations")
MUTATIONS = [*read_mutations("mutations"), *read_mutations("parts_mutations"), *OF_CONTENT]


def _cases() -> list[Any]:
    """The first mutation for each rule at every change; the others with the long proofs."""
    known: set[str] = set()
    cases = []
    for mutation in MUTATIONS:
        fresh = mutation.caught - known
        known |= fresh
        marks = () if fresh or mutation in OF_CONTENT else (pytest.mark.slow,)
        cases.append(pytest.param(mutation, marks=marks, id=mutation.name))
    return cases


def test_unbroken_database_has_no_finding(superuser: Superuser) -> None:
    assert superuser.verify().findings == ()


@pytest.mark.parametrize("mutation", _cases())
def test_mutation_is_caught_and_named(superuser: Superuser, mutation: Mutation) -> None:
    break_and_repair(superuser, mutation)


def break_and_repair(superuser: Superuser, mutation: Mutation) -> None:
    """The findings name what was broken, and doing what they say leaves none."""
    look = superuser.verify if mutation.is_for_attacks else superuser.audit
    mutation.apply(superuser)
    report = look()
    assert mutation.caught <= codes(report), described(report)
    assert not report.clean or mutation.caught <= {"RLS-P05", "RLS-E03", "RLS-E14"}
    if mutation.healed:
        mend(superuser, report)
        again = look()
        assert again.findings == (), described(again)


def test_every_rule_is_broken_by_some_mutation() -> None:
    names = (
        "mutations",
        "parts_mutations",
        "reach_mutations",
        "code_mutations",
        "content_mutations",
    )
    every = [mutation for name in names for mutation in read_mutations(name)]
    caught = set().union(*(mutation.caught for mutation in every))
    assert set(RULES) - caught == {"RLS-I03"}  # which is about the file, not the database
    assert len({mutation.name for mutation in every}) == len(every) >= 250
