from __future__ import annotations

import json
import subprocess
import sys
import uuid
from collections import OrderedDict
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.utils.translation import gettext_lazy

from spool_live.updates import (
    METADATA_LIMIT,
    EventType,
    LiveUpdateData,
    Update,
    clean_text,
    metadata_json,
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


def test_new_update_ids_are_version_7_and_sort_by_time() -> None:
    ids = []
    for _ in range(3):
        ids.append(new_update_id())
        before = ids[-1].int >> 80
        while new_update_id().int >> 80 == before:
            pass
    assert {(made.version, made.variant) for made in ids} == {(7, uuid.RFC_4122)}
    assert ids == sorted(ids)


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


@pytest.mark.parametrize(
    "metadata",
    [
        pytest.param({"a": "é😀", "b": 1, "c": True, "d": None}, id="plain"),
        pytest.param({"a": 'q" \\ / \b\f\n\r\t\x01\x1f\x7f\u2028'}, id="characters"),
        pytest.param({"a": 2**70, "b": -(2**63)}, id="long numbers"),
        pytest.param({1: "x", "é": [1, {"b": 2}]}, id="names and nesting"),
    ],
)
def test_metadata_is_written_as_by_json(metadata: dict[Any, Any]) -> None:
    text = metadata_json(metadata)
    assert text == json.dumps(metadata, ensure_ascii=False, separators=(",", ":"))


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        pytest.param("plain", "plain", id="ASCII"),
        pytest.param("Füße 🚢", "Füße 🚢", id="beyond"),
        pytest.param("a\x00b\x00", "ab", id="NUL"),
        pytest.param("a\ud800b", "a?b", id="lone surrogate"),
    ],
)
def test_clean_text(given: str, kept: str) -> None:
    assert clean_text(given) == kept


class TestMetadata:
    @pytest.mark.parametrize(
        ("given", "expected"),
        [
            pytest.param({}, {}, id="none"),
            pytest.param({"a": [1, {"b": None}]}, {"a": [1, {"b": None}]}, id="nested"),
            pytest.param(OrderedDict(a=1), {"a": 1}, id="other mapping"),
            pytest.param({1: 2, None: 3}, {"1": 2, "null": 3}, id="keys that are no texts"),
            pytest.param({"a": ITEM}, {"a": str(ITEM)}, id="UUID"),
            pytest.param({"a": Decimal("1.10")}, {"a": "1.10"}, id="decimal"),
            pytest.param(
                {"a": datetime(2026, 7, 1, tzinfo=UTC)}, {"a": "2026-07-01T00:00:00Z"}, id="time"
            ),
            pytest.param({"a": gettext_lazy("x")}, {"a": "x"}, id="lazy text"),
            pytest.param({"a": 10**400}, {"a": 10**400}, id="huge number"),
            pytest.param({"ä": "ö"}, {"ä": "ö"}, id="beyond ASCII"),
        ],
    )
    def test_that_is_json(self, given: Any, expected: Any) -> None:
        assert json.loads(metadata_json(given)) == expected

    @pytest.mark.parametrize(
        ("given", "kept"),
        [
            pytest.param("a\x00b", "ab", id="NUL"),
            pytest.param("\x00\x00", "", id="nothing but NUL"),
            pytest.param("a\udfffb", "a?b", id="lone surrogate"),
            pytest.param("\\u0000", "\\u0000", id="an escaped NUL as text"),
            pytest.param("\\\\u0000", "\\\\u0000", id="with one more backslash"),
            pytest.param("\\\x00", "\\", id="NUL after a backslash"),
            pytest.param("\\\\\x00\x00u0000", "\\\\u0000", id="NUL before what looks like one"),
            pytest.param("\\ud800", "\\ud800", id="an escaped surrogate as text"),
        ],
    )
    def test_text_that_postgresql_cannot_hold(self, given: str, kept: str) -> None:
        assert json.loads(metadata_json({"a": given, given: 1})) == {"a": kept, kept: 1}

    def test_entries_that_are_no_json_are_left_out(self) -> None:
        loop: list[Any] = []
        loop.append(loop)
        given = {
            "a": 1,
            "object": object(),
            "nan": float("nan"),
            "infinity": [float("inf")],
            "loop": loop,
            "keys": {(1, 2): 3},
            "b": 2,
        }
        assert json.loads(metadata_json(given)) == {"a": 1, "b": 2, "invalid": True}

    def test_key_that_is_no_json_becomes_text(self) -> None:
        assert json.loads(metadata_json({(1, 2): 3})) == {"(1, 2)": 3}

    @pytest.mark.parametrize("letter", ["x", "ä", "🚢", "\x00", '"', "\n"])
    def test_is_cut_at_its_limit_in_bytes(self, letter: str) -> None:
        fits = {"title": "Ferry", "text": letter * 1000}
        assert json.loads(metadata_json(fits)).keys() == fits.keys()
        text = metadata_json({"title": "Ferry", "text": letter * METADATA_LIMIT + "x", "b": 2})
        assert len(text.encode()) <= METADATA_LIMIT
        if letter != "\x00":
            assert json.loads(text) == {"title": "Ferry", "b": 2, "truncated": True}

    def test_never_exceeds_its_limit(self) -> None:
        for length in range(METADATA_LIMIT - 80, METADATA_LIMIT + 10):
            given = {"a": object(), "b": "ä" * (length // 2), "c": "x" * 20}
            text = metadata_json(given)
            assert len(text.encode()) <= METADATA_LIMIT
            kept = json.loads(text)
            assert kept.pop("invalid") is True
            assert kept.pop("truncated", False) is (kept.keys() != {"b", "c"})

    def test_first_entries_stay(self) -> None:
        given = {f"{number:04}": "x" * 100 for number in range(200)}
        kept = json.loads(metadata_json(given))
        assert kept.pop("truncated") is True
        assert list(kept) == list(given)[: len(kept)]
        assert len(kept) > 65
