"""The two wire formats of Phoenix channels as Supabase Realtime speaks them.

``vsn=1.0.0`` is one JSON object per text frame, ``vsn=2.0.0`` an array of five, plus two binary
frames for broadcasts: kind 3 from the client, kind 4 to it. Source: the protocol of
``Phoenix.Socket.V1/V2.JSONSerializer`` and Realtime's ``V2Serializer``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import orjson

Frame = str | bytes
"""The content of one WebSocket frame: text or binary."""
Ref = str | int | None
"""A client's reference, which the reply repeats unchanged."""

_MAX_HEADER_FIELD = 255
_KIND_CLIENT_BROADCAST = 3
_KIND_SERVER_BROADCAST = 4
_HEADER_CLIENT_BROADCAST = 7
_ENCODING_JSON = 1
_ARRAY_LENGTH = 5


class MalformedFrameError(ValueError):
    """A frame that is not in the socket's format; the server ignores it."""


@dataclass(frozen=True, slots=True)
class Binary:
    """A broadcast payload that is bytes, not JSON: only sockets of ``vsn=2.0.0`` can get it."""

    content: bytes


@dataclass(frozen=True, slots=True)
class Message:
    """One message in either direction. ``payload`` is what ``orjson`` can dump; that of a
    binary frame from the client is a ``Broadcast``."""

    topic: str
    event: str
    payload: Any
    ref: Ref = None
    join_ref: Ref = None


@dataclass(frozen=True, slots=True)
class Broadcast:
    """A broadcast to the members of a room. ``payload`` and ``meta`` are JSON values."""

    topic: str
    event: str
    payload: Any
    meta: dict[str, Any] | None = None


class Serializer(Protocol):
    """The format of sockets with one ``vsn``."""

    def decode(self, frame: Frame) -> Message:
        """Decode the frame, or raise ``MalformedFrameError``."""
        ...

    def encode(self, message: Message) -> Frame: ...

    def encode_broadcast(self, broadcast: Broadcast) -> Frame | None:
        """Return the frame, or None if the format cannot carry the broadcast."""
        ...


class _V1:
    def decode(self, frame: Frame) -> Message:
        if isinstance(frame, bytes):
            raise MalformedFrameError("vsn 1.0.0 does not have binary frames")
        content = _loads(frame)
        if not isinstance(content, dict):
            raise MalformedFrameError("not a JSON object")
        try:
            values = (content["topic"], content["event"], content["payload"], content["ref"])
        except KeyError as error:
            raise MalformedFrameError(f"key {error} is missing") from error
        return _message(*values, content.get("join_ref"))

    def encode(self, message: Message) -> Frame:
        return _dumps(
            {
                "ref": message.ref,
                "event": message.event,
                "payload": message.payload,
                "topic": message.topic,
            }
        )

    def encode_broadcast(self, broadcast: Broadcast) -> Frame | None:
        if isinstance(broadcast.payload, Binary):
            return None
        return self.encode(_as_message(broadcast))


class _V2:
    def decode(self, frame: Frame) -> Message:
        if isinstance(frame, bytes):
            return _decode_client_broadcast(frame)
        content = _loads(frame)
        if not isinstance(content, list) or len(content) != _ARRAY_LENGTH:
            raise MalformedFrameError("not a JSON array of five")
        join_ref, ref, topic, event, payload = content
        return _message(topic, event, payload, ref, join_ref)

    def encode(self, message: Message) -> Frame:
        return _dumps(
            [message.join_ref, message.ref, message.topic, message.event, message.payload]
        )

    def encode_broadcast(self, broadcast: Broadcast) -> Frame | None:
        topic, event = broadcast.topic.encode(), broadcast.event.encode()
        meta = b"" if broadcast.meta is None else orjson.dumps(broadcast.meta)
        if max(len(topic), len(event), len(meta)) > _MAX_HEADER_FIELD:
            binary = isinstance(broadcast.payload, Binary)
            return None if binary else self.encode(_as_message(broadcast))
        if isinstance(broadcast.payload, Binary):
            encoding, payload = 0, broadcast.payload.content
        else:
            encoding, payload = _ENCODING_JSON, orjson.dumps(broadcast.payload)
        header = bytes((_KIND_SERVER_BROADCAST, len(topic), len(event), len(meta), encoding))
        return b"".join((header, topic, event, meta, payload))


_V1_SERIALIZER: Serializer = _V1()
_V2_SERIALIZER: Serializer = _V2()


def serializer_for(vsn: str) -> Serializer | None:
    """Return the serializer of a ``vsn`` parameter (its major version decides), None if unknown."""
    return {"1": _V1_SERIALIZER, "2": _V2_SERIALIZER}.get(vsn.partition(".")[0])


class Encoded:
    """A message for many sockets, encoded once per serializer, on first use."""

    __slots__ = ("_content", "_frames")

    def __init__(self, content: Message | Broadcast) -> None:
        self._content = content
        self._frames: dict[int, Frame | None] = {}

    def frame(self, serializer: Serializer) -> Frame | None:
        """Return the frame, or None if this serializer cannot carry the message."""
        key = id(serializer)  # the two serializers live as long as the module
        if key not in self._frames:
            content = self._content
            self._frames[key] = (
                serializer.encode_broadcast(content)
                if isinstance(content, Broadcast)
                else serializer.encode(content)
            )
        return self._frames[key]


def _as_message(broadcast: Broadcast) -> Message:
    payload = {"event": broadcast.event, "payload": broadcast.payload, "type": "broadcast"}
    if broadcast.meta is not None:
        payload["meta"] = broadcast.meta
    return Message(broadcast.topic, "broadcast", payload)


def _decode_client_broadcast(frame: bytes) -> Message:
    """Decode ``03 | sizes of join_ref, ref, topic, event, meta | encoding | those fields |
    payload``."""
    if len(frame) < _HEADER_CLIENT_BROADCAST or frame[0] != _KIND_CLIENT_BROADCAST:
        raise MalformedFrameError("not a broadcast frame of kind 3")
    fields: list[str] = []
    position = _HEADER_CLIENT_BROADCAST
    try:
        for size in frame[1:6]:
            fields.append(frame[position : position + size].decode())
            position += size
    except UnicodeDecodeError as error:
        raise MalformedFrameError("header fields are not UTF-8") from error
    if position > len(frame):
        raise MalformedFrameError("shorter than its header says")
    join_ref, ref, topic, event, _meta = fields
    content = frame[position:]
    payload = _loads(content) if frame[6] == _ENCODING_JSON else Binary(content)
    broadcast = Broadcast(topic, event, payload)
    return Message(topic, "broadcast", broadcast, ref or None, join_ref or None)


def _message(topic: object, event: object, payload: object, ref: object, join: object) -> Message:
    if not isinstance(topic, str) or not isinstance(event, str):
        raise MalformedFrameError("topic and event must be strings")
    return Message(topic, event, payload, _ref(ref), _ref(join))


def _ref(value: object) -> Ref:
    if value is None or isinstance(value, str | int):
        return value
    raise MalformedFrameError("ref and join_ref must be strings or null")


def _loads(content: str | bytes) -> Any:
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise MalformedFrameError("not JSON") from error


def _dumps(content: object) -> str:
    return orjson.dumps(content).decode()
