"""Savepoints in every order: kept updates are delivered and notified of, others are not.

A transaction is written as a word: ``r`` records an update, ``(`` begins a savepoint, ``)``
releases it and ``x`` rolls it back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from itertools import product

import pytest
from django.db import transaction

from spool_live import outbox
from spool_live.models import OutboxEntry, Site
from spool_live.outbox import rows
from tests.outbox.conftest import update

pytestmark = pytest.mark.django_db(transaction=True)
LONGEST = 6
Record = Callable[[int], None]


def closings(word: str) -> dict[int, int] | None:
    """Where each savepoint of ``word`` ends; ``None`` where it is not a transaction."""
    ends, open_ones = {}, []
    for place, letter in enumerate(word):
        if letter == "(":
            open_ones.append(place)
        elif letter in ")x":
            if not open_ones:
                return None
            ends[open_ones.pop()] = place
    return None if open_ones else ends


def transactions() -> Iterator[str]:
    for length in range(1, LONGEST + 1):
        for word in map("".join, product("r()x", repeat=length)):
            if "r" in word and closings(word) is not None:
                yield word


def perform(word: str, record: Record, at: int = 0) -> None:
    """Runs ``word``; its updates are known by their places in the whole transaction."""
    ends = closings(word) or {}
    place = 0
    while place < len(word):
        if word[place] == "r":
            record(at + place)
        elif word[place] == "(":
            end = ends[place]
            with transaction.atomic():
                perform(word[place + 1 : end], record, at + place + 1)
                if word[end] == "x":
                    transaction.set_rollback(True)
            place = end
        place += 1


def kept(word: str) -> list[int]:
    """The places of the updates that are inside no savepoint that is rolled back."""
    lost = {
        inside
        for begin, end in (closings(word) or {}).items()
        if word[end] == "x"
        for inside in range(begin, end)
    }
    return [place for place, letter in enumerate(word) if letter == "r" and place not in lost]


@pytest.mark.parametrize(
    "most", [2, rows.ROWS_PER_STATEMENT], ids=["2 rows a statement", "many rows"]
)
@pytest.mark.parametrize("block", [transaction.atomic, outbox.batch], ids=["transaction", "batch"])
def test_update_is_kept_and_notified_of_exactly_if_its_savepoints_are(
    block: Callable[[], AbstractContextManager[None]],
    most: int,
    notified_aliases: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rows, "ROWS_PER_STATEMENT", most)
    site = Site.objects.create(name="Courier")

    def record(place: int) -> None:
        outbox.record([(site.pk, update(slug=str(place)))], using="default")

    tried = 0
    for word in transactions():
        OutboxEntry.objects.all().delete()
        notified_aliases.clear()
        with block():
            perform(word, record)
        there = [
            int(slug or "")
            for slug in OutboxEntry.objects.order_by("pk").values_list("slug", flat=True)
        ]
        assert there == kept(word), word
        assert bool(notified_aliases) == bool(there), word
        tried += 1
    assert tried > 200


def test_trigger_on_the_table_is_notified_of_the_same_way(notified_aliases: list[str]) -> None:
    for word in transactions():
        notified_aliases.clear()
        with transaction.atomic():
            perform(word, lambda place: outbox.notify(using="default"))
        assert bool(notified_aliases) == bool(kept(word)), word
