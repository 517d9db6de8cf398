from __future__ import annotations

import json
import subprocess
import sys
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest

from spool_live.updates import (
    EventType,
    LiveUpdateData,
    Update,
    new_update_id,
)

ITEM = uuid.UUID("0190e5d1-7c3f-7d2b-8a54-2f2f1b6a9c01")


def data(**fields: Any) -> LiveUpdateData:
    return LiveUpdateData(
        **{"event_type": EventType.CREATED, "collection": "articles", "item_id": ITEM, **fields}
    )


def test_event_types_are_the_four_of_the_wire() -> None:
    assert [event.value for event in EventType] == [
        "content.created",
        "content.updated",
        "content.published",
        "content.deleted",
    ]


def test_data_takes_texts_for_what_they_name() -> None:
    made = data(event_type="content.deleted", item_id=str(ITEM), slug=2024)
    assert (made.event_type, made.item_id, made.slug) == (EventType.DELETED, ITEM, "2024")


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"event_type": "content.moved"}, id="unknown event type"),
        pytest.param({"collection": ""}, id="no collection"),
        pytest.param({"collection": "x" * 201}, id="collection too long"),
        pytest.param({"item_id": "seven"}, id="item id that is no UUID"),
    ],
)
def test_data_refuses(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        data(**fields)


def test_update_as_row_is_the_wire_in_json_values() -> None:
    site, update_id = uuid.uuid4(), uuid.uuid4()
    moment = datetime(2026, 7, 1, 12, 30, 0, 123456, tzinfo=UTC)
    update = Update(
        id=update_id,
        site_id=site,
        event_type="content.updated",
        collection="articles",
        item_id=ITEM,
        slug=None,
        timestamp=moment,
        metadata={"title": "Ferry"},
        seq=7,
    )
    row = update.as_row()
    assert row == {
        "id": str(update_id),
        "site_id": str(site),
        "event_type": "content.updated",
        "collection": "articles",
        "slug": None,
        "item_id": str(ITEM),
        "timestamp": "2026-07-01T12:30:00.123456+00:00",
        "metadata": {"title": "Ferry"},
        "seq": 7,
    }
    assert json.loads(json.dumps(row)) == row


def test_new_update_ids_are_random_and_tell_no_moment() -> None:
    ids = [new_update_id() for _ in range(500)]
    assert {(made.version, made.variant) for made in ids} == {(4, uuid.RFC_4122)}
    assert {made.hex[16] for made in ids} == set("89ab")
    assert len(set(ids)) == len(ids)
    assert len({made.int >> 112 for made in ids}) > 400, "their first digits are not a clock"


def test_forked_process_makes_ids_of_its_own() -> None:
    script = (
        "import os\n"
        "from spool_live.updates import new_update_id\n"
        "os.fork()\n"
        "os.write(1, f'{new_update_id().int & (1 << 62) - 1}\\n'.encode())\n"
    )
    made = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    first, second = made.stdout.split()
    assert first != second
