"""The verdict: the content history against the live table and against what each handler saw.

Pure functions; each returns what is wrong, and nothing where all is well.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import Any


@dataclass(frozen=True)
class Edit:
    """A row of the ledger. ``number`` is its place in the history, ``turn`` its transaction."""

    number: int
    editor: str
    turn: int
    site: str
    item: str
    event: str
    edit: str

    @property
    def what(self) -> tuple[str, str, str, str]:
        """What this edit and its update have in common and no other edit has."""
        return (self.site, self.item, self.event, self.edit)


@dataclass(frozen=True)
class Row:
    """A row of the live table, or what a handler got."""

    id: str
    seq: int | None
    site: str
    item: str
    event: str
    edit: str

    @property
    def what(self) -> tuple[str, str, str, str]:
        """As ``Edit.what``."""
        return (self.site, self.item, self.event, self.edit)


@dataclass
class Verdict:
    """Counts of what went wrong, and a few examples of each."""

    counts: dict[str, int] = field(default_factory=dict)
    examples: dict[str, list[str]] = field(default_factory=dict)

    @property
    def is_clean(self) -> bool:
        return not any(self.counts.values())

    def note(self, what: str, found: Iterable[object]) -> None:
        """Counts ``found`` under ``what``."""
        listed = list(found)
        self.counts[what] = self.counts.get(what, 0) + len(listed)
        if listed:
            self.examples.setdefault(what, []).extend(str(one) for one in listed[:5])

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def judge(
    edits: Sequence[Edit], rows: Sequence[Row], seen: Mapping[str, Sequence[Row]], resets: int
) -> Verdict:
    """Compares all three. ``seen``: by site, in the order in which its handler got them."""
    verdict = Verdict()
    ledger = {edit.what: edit for edit in edits}
    verdict.note("ledger entries not unique", [] if len(ledger) == len(edits) else ["ledger"])
    table = Counter(row.what for row in rows)
    verdict.note("lost", (edit for edit in edits if edit.what not in table))
    verdict.note("duplicated rows", (what for what, times in table.items() if times > 1))
    strange = [row for row in rows if row.what not in ledger]
    elsewhere = {edit.what[1:] for edit in edits}
    verdict.note("at the wrong site", (row for row in strange if row.what[1:] in elsewhere))
    verdict.note("never edited", (row for row in strange if row.what[1:] not in elsewhere))
    by_site = _grouped(rows, lambda row: row.site)
    for mine in by_site.values():
        ordered = sorted(mine, key=lambda row: row.seq or 0)
        verdict.note("gaps in the numbers", _gaps(ordered))
        history = [ledger[row.what] for row in ordered if row.what in ledger]
        verdict.note("out of order within an item", _backward_in_items(history))
        verdict.note("out of order within an editor", _backward_in_editors(history))
    for site in by_site.keys() | seen.keys():
        _judge_handler(verdict, by_site.get(site, []), seen.get(site, []))
    verdict.note("resets", range(resets))
    return verdict


def _judge_handler(verdict: Verdict, rows: Sequence[Row], seen: Sequence[Row]) -> None:
    got = Counter(seen)
    verdict.note("not handled", (row for row in rows if row not in got))
    verdict.note("handled twice", (row for row, times in got.items() if times > 1))
    here = set(rows)
    verdict.note("handled but not in the table", (row for row in got if row not in here))
    numbers = [row.seq or 0 for row in seen]
    verdict.note("handled out of order", (pair for pair in pairwise(numbers) if pair[0] > pair[1]))


def _gaps(ordered: Sequence[Row]) -> list[str]:
    return [f"{row.seq} at {n}" for n, row in enumerate(ordered, 1) if row.seq != n][:1]


def _backward_in_items(history: Sequence[Edit]) -> list[str]:
    return _backward(history, lambda edit: edit.item, lambda edit: edit.number)


def _backward_in_editors(history: Sequence[Edit]) -> list[str]:
    return _backward(history, lambda edit: edit.editor, lambda edit: edit.turn)


def _backward(
    history: Sequence[Edit], group: Callable[[Edit], Hashable], order: Callable[[Edit], int]
) -> list[str]:
    return [
        f"{before} before {after}"
        for mine in _grouped(history, group).values()
        for before, after in pairwise(mine)
        if order(before) > order(after)
    ]


def _grouped(things: Iterable[Any], group: Callable[[Any], Hashable]) -> dict[Any, list[Any]]:
    groups: dict[Any, list[Any]] = {}
    for thing in things:
        groups.setdefault(group(thing), []).append(thing)
    return groups
