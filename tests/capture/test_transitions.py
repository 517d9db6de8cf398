from __future__ import annotations

import uuid
from typing import Any

import pytest

from spool_live.capture.transitions import Snapshot, Transition, changed, created, deleted
from spool_live.updates import EventType

A, B = uuid.uuid4(), uuid.uuid4()
CREATED, UPDATED = EventType.CREATED, EventType.UPDATED
PUBLISHED, DELETED = EventType.PUBLISHED, EventType.DELETED

ELSEWHERE = Snapshot(None)
PLAIN = Snapshot(A, "x")
DRAFT = Snapshot(A, "x", published=False)
PUBLIC = Snapshot(A, "x", published=True)
HIDDEN = Snapshot(A, "x", visible=False)
HIDDEN_DRAFT = Snapshot(A, "x", published=False, visible=False)
HIDDEN_PUBLIC = Snapshot(A, "x", published=True, visible=False)


def one(event: EventType, slug: str | None = "x", **extra: Any) -> list[Transition]:
    return [Transition(A, event, slug, extra)]


@pytest.mark.parametrize(
    ("snapshot", "expected"),
    [
        pytest.param(PLAIN, one(CREATED), id="no publish state"),
        pytest.param(DRAFT, one(CREATED), id="as a draft"),
        pytest.param(PUBLIC, one(PUBLISHED), id="published"),
        pytest.param(HIDDEN, [], id="hidden"),
        pytest.param(ELSEWHERE, [], id="without a site"),
    ],
)
def test_created(snapshot: Snapshot, expected: list[Transition]) -> None:
    assert created(snapshot) == expected


@pytest.mark.parametrize(
    ("snapshot", "expected"),
    [
        pytest.param(PLAIN, one(DELETED), id="no publish state"),
        pytest.param(DRAFT, one(DELETED), id="a draft"),
        pytest.param(HIDDEN, [], id="hidden"),
        pytest.param(ELSEWHERE, [], id="without a site"),
    ],
)
def test_deleted(snapshot: Snapshot, expected: list[Transition]) -> None:
    assert deleted(snapshot) == expected


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param(PLAIN, PLAIN, one(UPDATED), id="touched"),
        pytest.param(DRAFT, DRAFT, one(UPDATED), id="draft edited"),
        pytest.param(DRAFT, PUBLIC, one(PUBLISHED), id="published"),
        pytest.param(PUBLIC, PUBLIC, one(UPDATED), id="public one edited"),
        pytest.param(PUBLIC, DRAFT, one(UPDATED, published=False), id="unpublished"),
        pytest.param(PLAIN, Snapshot(A, "y"), one(UPDATED, "y", previous_slug="x"), id="new slug"),
        pytest.param(Snapshot(A), PLAIN, one(UPDATED), id="first slug"),
        pytest.param(
            PLAIN, Snapshot(A), one(UPDATED, None, previous_slug="x"), id="slug taken away"
        ),
        pytest.param(
            DRAFT,
            Snapshot(A, "y", published=True),
            one(PUBLISHED, "y", previous_slug="x"),
            id="published under a new slug",
        ),
        pytest.param(
            PLAIN,
            Snapshot(B, "x"),
            [Transition(A, DELETED, "x"), Transition(B, CREATED, "x")],
            id="moved",
        ),
        pytest.param(
            DRAFT,
            Snapshot(B, "y", published=True),
            [Transition(A, DELETED, "x"), Transition(B, PUBLISHED, "y")],
            id="moved and published under a new slug",
        ),
        pytest.param(
            HIDDEN, Snapshot(B, "x"), [Transition(B, CREATED, "x")], id="moved, hidden before"
        ),
        pytest.param(PLAIN, ELSEWHERE, one(DELETED), id="left its site"),
        pytest.param(ELSEWHERE, PLAIN, one(CREATED), id="came to a site"),
        pytest.param(ELSEWHERE, ELSEWHERE, [], id="never on a site"),
        pytest.param(HIDDEN, HIDDEN, [], id="never visible"),
        pytest.param(HIDDEN, PLAIN, one(CREATED), id="visible from now on"),
        pytest.param(HIDDEN_DRAFT, PUBLIC, one(PUBLISHED), id="hidden draft published"),
        pytest.param(PLAIN, HIDDEN, one(DELETED), id="left out from now on"),
        pytest.param(DRAFT, HIDDEN_DRAFT, one(DELETED), id="draft left out from now on"),
        pytest.param(
            PUBLIC, HIDDEN_DRAFT, one(UPDATED, published=False), id="unpublished, drafts left out"
        ),
        pytest.param(PUBLIC, HIDDEN_PUBLIC, one(DELETED), id="public one left out from now on"),
    ],
)
def test_changed(before: Snapshot, after: Snapshot, expected: list[Transition]) -> None:
    assert changed(before, after) == expected
