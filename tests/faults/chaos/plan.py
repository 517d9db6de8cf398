"""The plan: which fault after how many edits. A pure function of the seed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Planned:
    """``kind`` happens once ``after`` edits are in the ledger."""

    kind: str
    after: int


def make_plan(kinds: Sequence[str], faults: int, edits: int, seed: int) -> list[Planned]:
    """``faults`` of ``kinds`` (each as often as the others, give or take one) in random order,
    evenly over ``edits``."""
    rand = random.Random(seed)
    deck: list[str] = []
    while len(deck) < faults:
        deck += rand.sample(list(kinds), len(kinds))
    chosen = deck[:faults]
    rand.shuffle(chosen)
    return [Planned(kind, edits * n // (faults + 1)) for n, kind in enumerate(chosen, 1)]
