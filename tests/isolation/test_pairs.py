"""Two mutations at once: neither hides the other."""

from __future__ import annotations

import re
from itertools import islice

import pytest

from tests.isolation.conftest import Superuser
from tests.isolation.mutating import CONTRIB, Mutation, codes, described, mend, read_mutations

PAIRS = 120
_BESIDE = 37
"""How far apart two partners are in their list: another kind of thing."""
_MADE = re.compile(r"^create (?:or replace )?(\w+) ([\w.]+)", re.MULTILINE)


def _pairs() -> list[tuple[Mutation, Mutation]]:
    """Each way to break something with one of another file, as far as both can be mended and both
    are seen in the catalog."""
    first = _partners("mutations", "parts_mutations")
    second = _partners("reach_mutations", "code_mutations")
    every = ((one, _beside(one, second, n * _BESIDE)) for n, one in enumerate(first))
    return list(islice(every, PAIRS))


def _beside(one: Mutation, others: list[Mutation], start: int) -> Mutation:
    """The first one from ``start`` on that makes nothing of the same name."""
    turned = [others[(start + n) % len(others)] for n in range(len(others))]
    made = set(_MADE.findall(one.sql))
    return next(other for other in turned if not made & set(_MADE.findall(other.sql)))


def _partners(*names: str) -> list[Mutation]:
    every = [mutation for name in names for mutation in read_mutations(name)]
    return [m for m in every if m.healed and not m.is_for_attacks and not CONTRIB.search(m.sql)]


def test_there_are_enough_pairs() -> None:
    assert len({(one.name, two.name) for one, two in _pairs()}) >= 100


@pytest.mark.slow
@pytest.mark.parametrize("pair", _pairs(), ids=lambda pair: f"{pair[0].name} + {pair[1].name}")
def test_both_are_named_and_mended(superuser: Superuser, pair: tuple[Mutation, Mutation]) -> None:
    for mutation in pair:
        mutation.apply(superuser)
    report = superuser.audit()
    for mutation in pair:
        assert mutation.caught <= codes(report), described(report)
    mend(superuser, report)
    assert superuser.audit().findings == ()
