"""Each update comes out once, in order, and only the log closes gaps."""

from __future__ import annotations

import random
from collections.abc import Iterable

import pytest

from spool_live.client.engine.sequencer import Page, Sequencer
from spool_live.client.updates import Event, LiveUpdate, Reset


def update(seq: int | None, ident: str | None = None) -> LiveUpdate:
    return LiveUpdate(
        id=ident or f"id-{seq}",
        site_id="s",
        event_type="content.updated",
        collection="articles",
        slug=None,
        item_id="i",
        timestamp="2026-11-22T10:00:00+00:00",
        seq=seq,
    )


def updates(*seqs: int) -> list[LiveUpdate]:
    return [update(seq) for seq in seqs]


def seqs(events: Iterable[Event]) -> list[int | None]:
    return [event.seq for event in events]


def test_updates_in_order_are_delivered_at_once() -> None:
    sequencer = Sequencer(0)
    assert seqs(sequencer.receive(updates(1, 2, 3))) == [1, 2, 3]
    assert sequencer.gap_before is None


def test_repeated_updates_are_dropped() -> None:
    sequencer = Sequencer(0)
    sequencer.receive(updates(1, 2))
    assert sequencer.receive(updates(2, 1)) == []
    assert sequencer.gap_before is None, "there is nothing to ask the log for"


def test_updates_before_the_start_are_dropped() -> None:
    sequencer = Sequencer(5)
    assert sequencer.receive(updates(4, 5)) == []
    assert sequencer.gap_before is None


def test_reordered_updates_wait_for_the_missing_one() -> None:
    sequencer = Sequencer(0)
    assert sequencer.receive(updates(3, 2)) == []
    assert sequencer.gap_before == 2
    assert seqs(sequencer.receive(updates(1))) == [1, 2, 3]
    assert sequencer.gap_before is None


def test_page_fills_the_gap_and_releases_what_waits() -> None:
    sequencer = Sequencer(0)
    sequencer.receive(updates(1, 4, 5))
    assert seqs(sequencer.absorb(Page(updates(2, 3, 4), seq=5))) == [2, 3, 4, 5]


def test_gap_inside_a_page_is_accepted() -> None:
    sequencer = Sequencer(0)
    assert seqs(sequencer.absorb(Page(updates(1, 4), seq=4))) == [1, 4]
    assert sequencer.position == 4
    assert seqs(sequencer.receive(updates(5))) == [5]


def test_page_may_be_in_any_order() -> None:
    assert seqs(Sequencer(0).absorb(Page(updates(3, 1, 2), seq=3))) == [1, 2, 3]


def test_what_waits_inside_a_gap_of_the_page_is_delivered_in_its_place() -> None:
    """A content database restored from a backup may lack what the live table has."""
    sequencer = Sequencer(5)
    sequencer.receive(updates(8))
    assert seqs(sequencer.absorb(Page(updates(6, 9), seq=9))) == [6, 8, 9]


def test_empty_page_proves_nothing() -> None:
    sequencer = Sequencer(0)
    sequencer.receive(updates(2))
    assert sequencer.absorb(Page([], seq=2)) == []
    assert sequencer.gap_before == 2


def test_accepted_gap_is_passed_over_and_only_that_one() -> None:
    sequencer = Sequencer(0)
    sequencer.receive(updates(2, 3, 5))
    assert seqs(sequencer.accept_gap()) == [2, 3]
    assert sequencer.gap_before == 5


@pytest.mark.parametrize("position", [3, 50], ids=["history gone", "server restored"])
def test_reset_is_an_event_and_moves_the_position(position: int) -> None:
    sequencer = Sequencer(position)
    assert sequencer.absorb(Page([], seq=20, reset=True)) == [Reset(20, "history")]
    assert sequencer.position == 20


def test_reset_keeps_what_waits_beyond_it() -> None:
    sequencer = Sequencer(3)
    sequencer.receive(updates(10, 21, 22, 24))
    assert seqs(sequencer.absorb(Page([], seq=20, reset=True))) == [20, 21, 22]
    assert sequencer.gap_before == 24


def test_updates_without_number_come_as_they_are_once() -> None:
    sequencer = Sequencer(0)
    assert seqs(sequencer.receive([update(None, "a"), update(None, "a")])) == [None]
    assert sequencer.position == 0


def test_renumbered_update_is_known_by_its_id() -> None:
    sequencer = Sequencer(0)
    sequencer.receive([update(1, "a")])
    assert seqs(sequencer.receive([update(2, "a"), update(3, "b")])) == [3]


@pytest.mark.parametrize(
    "changed",
    [{"next": 5}, {"next": 7}, {"next": 6.0}, {"seq": -1}, {"epoch": None}, {"status": "ok"}],
    ids=str,
)
def test_page_that_would_be_read_for_ever_or_means_nothing_is_refused(
    changed: dict[str, object],
) -> None:
    row = update(6).as_dict()
    page = {"status": "recovered", "results": [row], "next": 6, "seq": 9, "epoch": 1}
    known = {"site_id": row["site_id"], "after": 5}
    assert Page.from_response(page, **known).next == 6
    with pytest.raises((ValueError, TypeError, KeyError)):
        Page.from_response(page | changed, **known)


def test_only_so_many_ids_are_remembered() -> None:
    sequencer = Sequencer(0, remember=3)
    sequencer.receive(updates(*range(1, 11)))
    assert len(sequencer._seen) == 3


def test_only_so_many_updates_wait_and_the_next_one_is_always_taken() -> None:
    sequencer = Sequencer(0, max_waiting=2)
    sequencer.receive(updates(3, 4, 5))
    assert seqs(sequencer.receive(updates(2))) == []
    assert seqs(sequencer.receive(updates(1))) == [1]
    assert sequencer.gap_before == 3


@pytest.mark.parametrize("seed", range(25))
def test_any_disorder_comes_out_in_order_and_once(seed: int) -> None:
    """A socket that loses, repeats and reorders, a log with dead entries, pages of any size."""
    rand = random.Random(seed)
    log = [update(seq) for seq in range(1, 400) if rand.random() > 0.05]
    sequencer = Sequencer(0)
    out: list[Event] = []
    visible = 0
    while visible < len(log):
        batch = log[visible : visible + rand.randint(1, 8)]
        visible += len(batch)
        live = [u for u in batch * rand.randint(1, 2) if rand.random() > 0.3]
        rand.shuffle(live)
        out += sequencer.receive(live)
        if sequencer.gap_before is not None or visible == len(log):
            after = sequencer.position
            size = rand.randint(1, 50)
            rows = [u for u in log[:visible] if (u.seq or 0) > after][:size]
            rand.shuffle(rows)
            out += sequencer.absorb(Page(rows, seq=visible))
    while rows := [u for u in log if (u.seq or 0) > sequencer.position][:50]:
        out += sequencer.absorb(Page(rows, seq=400))
    assert out == log
