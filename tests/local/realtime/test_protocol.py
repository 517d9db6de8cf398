from __future__ import annotations

import json
from typing import Any

import orjson
import pytest

from spool_live.local.realtime.protocol import (
    Binary,
    Broadcast,
    Encoded,
    MalformedFrameError,
    Message,
    Serializer,
    serializer_for,
)


def serializer(vsn: str) -> Serializer:
    found = serializer_for(vsn)
    assert found is not None
    return found


V1, V2 = serializer("1.0.0"), serializer("2.0.0")


def test_v1_message_is_an_object_that_always_has_ref() -> None:
    frame = V1.encode(Message("realtime:t", "system", {"a": 1}, None, "5"))
    assert json.loads(frame) == {
        "topic": "realtime:t",
        "event": "system",
        "payload": {"a": 1},
        "ref": None,
    }


def test_v2_message_is_an_array_of_five() -> None:
    frame = V2.encode(Message("realtime:t", "phx_reply", {"status": "ok"}, "7", "6"))
    assert json.loads(frame) == ["6", "7", "realtime:t", "phx_reply", {"status": "ok"}]


def test_v1_reads_what_the_python_client_sends() -> None:
    frame = '{"event":"heartbeat","payload":{},"topic":"phoenix","ref":null,"join_ref":null}'
    assert V1.decode(frame) == Message("phoenix", "heartbeat", {})


def test_v1_needs_no_join_ref() -> None:
    assert V1.decode('{"topic":"t","event":"e","payload":{},"ref":"1"}').ref == "1"


def test_v2_reads_an_array() -> None:
    decoded = V2.decode('["6","7","realtime:t","phx_leave",{}]')
    assert decoded == Message("realtime:t", "phx_leave", {}, "7", "6")


@pytest.mark.parametrize(
    ("vsn", "frame"),
    [
        pytest.param("1.0.0", "nonsense", id="v1-no-json"),
        pytest.param("1.0.0", "[1]", id="v1-no-object"),
        pytest.param("1.0.0", '{"topic":"t","event":"e","payload":{}}', id="v1-ref-missing"),
        pytest.param("1.0.0", '{"topic":1,"event":"e","payload":{},"ref":"1"}', id="v1-topic"),
        pytest.param("1.0.0", b"\x03", id="v1-binary"),
        pytest.param("2.0.0", '{"topic":"t"}', id="v2-no-array"),
        pytest.param("2.0.0", '["1","2","t","e"]', id="v2-too-short"),
        pytest.param("2.0.0", '[[],"2","t","e",{}]', id="v2-join-ref"),
        pytest.param("2.0.0", b"", id="v2-empty"),
        pytest.param("2.0.0", b"\x04\x01\x01\x01\x01\x00\x01tttt{}", id="v2-kind"),
        pytest.param("2.0.0", b"\x03\x01\x01\x0b\x02\x00\x01", id="v2-shorter-than-its-header"),
        pytest.param("2.0.0", b"\x03\x00\x00\x01\x00\x00\x01\xff{}", id="v2-no-utf-8"),
        pytest.param("2.0.0", b"\x03\x00\x00\x01\x01\x00\x01tenonsense", id="v2-payload-no-json"),
    ],
)
def test_malformed_frame_is_refused(vsn: str, frame: str | bytes) -> None:
    with pytest.raises(MalformedFrameError):
        serializer(vsn).decode(frame)


def test_v2_reads_the_binary_broadcast_of_the_javascript_client() -> None:
    frame = b'\x03\x01\x01\x0b\x02\x00\x0167realtime:t1hi{"a":1}'
    assert V2.decode(frame) == Message(
        "realtime:t1", "broadcast", Broadcast("realtime:t1", "hi", {"a": 1}), "7", "6"
    )


def test_v2_reads_bytes_as_they_are() -> None:
    decoded = V2.decode(b"\x03\x00\x00\x01\x01\x00\x00te\xff\x00")
    assert decoded.payload == Broadcast("t", "e", Binary(b"\xff\x00"))
    assert decoded.ref is None


def test_v1_broadcast_is_a_message() -> None:
    fragment = orjson.Fragment(b'{"n": 12345678901234567890.10}')
    frame = V1.encode_broadcast(Broadcast("realtime:t", "e", fragment, {"id": "x"}))
    assert isinstance(frame, str)
    assert "12345678901234567890.10" in frame
    assert json.loads(frame)["payload"]["meta"] == {"id": "x"}


def test_v2_broadcast_is_binary() -> None:
    frame = V2.encode_broadcast(Broadcast("realtime:t", "hé", {"n": 1}, {"id": "x"}))
    assert frame == b'\x04\x0a\x03\x0a\x01realtime:th\xc3\xa9{"id":"x"}{"n":1}'


def test_v2_broadcast_of_bytes_says_so() -> None:
    frame = V2.encode_broadcast(Broadcast("t", "e", Binary(b"\x00\x01")))
    assert frame == b"\x04\x01\x01\x00\x00te\x00\x01"


def test_v2_broadcast_with_long_topic_is_text() -> None:
    frame = V2.encode_broadcast(Broadcast("t" * 256, "e", {}))
    assert isinstance(frame, str)
    assert json.loads(frame)[3] == "broadcast"


def test_bytes_do_not_reach_v1() -> None:
    assert V1.encode_broadcast(Broadcast("t", "e", Binary(b"\x00"))) is None


@pytest.mark.parametrize("vsn", ["1.0.0", "2.0.0", "2.0.1"])
def test_versions_with_known_major_are_spoken(vsn: str) -> None:
    assert serializer_for(vsn) is not None


@pytest.mark.parametrize("vsn", ["", "3.0.0", "10.0.0", "x"])
def test_other_versions_are_not(vsn: str) -> None:
    assert serializer_for(vsn) is None


def test_encoded_encodes_once_per_format() -> None:
    payload: dict[str, Any] = {"a": 1}
    encoded = Encoded(Message("t", "e", payload))
    first = encoded.frame(V1)
    payload["a"] = 2
    assert encoded.frame(V1) is first
    assert json.loads(encoded.frame(V2) or "")[4] == {"a": 2}
