"""What metadata is written as, so that it arrives equal everywhere."""

from __future__ import annotations

import json
import uuid
from collections import OrderedDict
from datetime import UTC, datetime
from decimal import Decimal
from enum import IntEnum
from types import MappingProxyType
from typing import Any

import pytest
from django.utils.translation import gettext_lazy

from spool_live.metadata import (
    DEPTH_LIMIT,
    METADATA_LIMIT,
    clean_text,
    metadata_json,
    read_metadata,
)


class Weekday(IntEnum):
    MONDAY = 1


def nested(depth: int) -> Any:
    value: Any = []
    for _ in range(depth - 1):
        value = [value]
    return value


ITEM = uuid.UUID("0190e5d1-7c3f-7d2b-8a54-2f2f1b6a9c01")


@pytest.mark.parametrize(
    "metadata",
    [
        pytest.param({"a": "é😀", "b": 1, "c": True, "d": None}, id="plain"),
        pytest.param({"a": 'q" \\ / \b\f\n\r\t\x01\x1f\x7f\u2028'}, id="characters"),
        pytest.param({"a": 2**53 - 1, "b": -(2**53) + 1}, id="long numbers"),
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
            pytest.param({1: 2, None: 3}, {"1": 2, "null": 3}, id="keys that are not text"),
            pytest.param({"a": ITEM}, {"a": str(ITEM)}, id="UUID"),
            pytest.param({"a": Decimal("1.10")}, {"a": "1.10"}, id="decimal"),
            pytest.param(
                {"a": datetime(2026, 7, 1, tzinfo=UTC)}, {"a": "2026-07-01T00:00:00Z"}, id="time"
            ),
            pytest.param({"a": gettext_lazy("x")}, {"a": "x"}, id="lazy text"),
            pytest.param({"a": 2**53 - 1}, {"a": 2**53 - 1}, id="longest exact number"),
            pytest.param({"a": 2**53}, {"a": str(2**53)}, id="number that is not exact"),
            pytest.param({"a": [-(2**64) - 1]}, {"a": [str(-(2**64) - 1)]}, id="64 bits"),
            pytest.param({"a": 10**309}, {"a": str(10**309)}, id="beyond a double"),
            pytest.param({"a": 1e300}, {"a": str(10**300)}, id="large float"),
            pytest.param({"a": -(2.0**53)}, {"a": str(-(2**53))}, id="float that is not exact"),
            pytest.param({"a": 5e-324, "b": -0.0}, {"a": 0.0, "b": 0.0}, id="next to nothing"),
            pytest.param({"a": 1e-300}, {"a": 1e-300}, id="small float"),
            pytest.param({"a": {"b\x00": 1}}, {"a": {"b": 1}}, id="NUL in a name"),
            pytest.param({"a": MappingProxyType({1: (2,)})}, {"a": {"1": [2]}}, id="any mapping"),
            pytest.param({"a": Weekday.MONDAY}, {"a": 1}, id="enum"),
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
            "digits": 10**5000,
            "one name": {1: "a", "1": "b"},
            "depth": nested(DEPTH_LIMIT),
            "b": 2,
        }
        assert json.loads(metadata_json(given)) == {"a": 1, "b": 2, "invalid": True}

    def test_depth_that_is_allowed(self) -> None:
        given = {"a": nested(DEPTH_LIMIT - 1)}
        assert json.loads(metadata_json(given)) == given

    def test_first_of_two_entries_of_one_name_stays(self) -> None:
        given: dict[Any, Any] = {1: "a", "1": "b", "\x001": "c"}
        assert json.loads(metadata_json(given)) == {
            "1": "a",
            "invalid": True,
        }

    def test_key_that_is_no_json_becomes_text(self) -> None:
        given: dict[Any, Any] = {(1, 2): 3}
        assert json.loads(metadata_json(given)) == {"(1, 2)": 3}

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


class TestStored:
    """What is read from the outbox, whoever wrote it."""

    @pytest.mark.parametrize(
        ("text", "read"),
        [
            pytest.param('{"a": 1, "b": [0.5]}', {"a": 1, "b": [0.5]}, id="ours"),
            pytest.param('{"a": 9007199254740993}', {"a": "9007199254740993"}, id="54 bits"),
            pytest.param('{"a": 1' + "0" * 309 + "}", {"a": str(10**309)}, id="beyond a double"),
            pytest.param('{"a": [9007199254740993]}', {"a": ["9007199254740993"]}, id="within"),
            pytest.param('{"a": {"b": 1e300}}', {"a": {"b": str(10**300)}}, id="large within"),
            pytest.param('{"a": 1e5}', {"a": 100000.0}, id="exponent"),
            pytest.param('{"a": 1e999, "b": 1}', {"b": 1, "invalid": True}, id="infinite"),
            pytest.param('{"a": NaN}', {"invalid": True}, id="NaN"),
            pytest.param('{"a": "x\\u0000y"}', {"a": "xy"}, id="NUL"),
            pytest.param('{"a": "x\\ud800y"}', {"a": "x?y"}, id="lone surrogate"),
            pytest.param('{"a": ' + "[" * 99 + "]" * 99 + "}", {"invalid": True}, id="deep"),
            pytest.param(
                json.dumps({"a": "x" * 3 * METADATA_LIMIT, "b": 1}),
                {"b": 1, "truncated": True},
                id="large",
            ),
        ],
    )
    def test_is_what_would_have_been_recorded(self, text: str, read: dict[str, Any]) -> None:
        assert read_metadata(text) == read

    @pytest.mark.parametrize(
        "text",
        ["", "{", "[1]", "null", '"a"', "[" * 20_000, '{"a": 1' + "0" * 5000 + "}", "\ud800"],
        ids=["nothing", "half", "array", "null", "text", "deeper than Python", "digits", "bytes"],
    )
    def test_that_cannot_be_read_says_why(self, text: str) -> None:
        with pytest.raises(ValueError, match=r"the metadata cannot be read: ."):
            read_metadata(text)
