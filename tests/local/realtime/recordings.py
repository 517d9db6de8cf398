"""Recordings as steps that a test can take, and frames as what must be equal in a replay."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt

FOLDER = Path(os.environ.get("SPOOL_LIVE_RECORDINGS") or Path(__file__).with_name("transcripts"))
"""Where the recordings are; the variable points to any other folder of them."""

_RECORDERS_SECRET = "super-secret-jwt-token-with-at-least-32-characters-long"
"""What the recorded server verified tokens with: the public development secret of Realtime."""
_JWT = re.compile(r"^[\w-]+\.[\w-]+\.[\w-]+$")
_ARRAY = ("join_ref", "ref", "topic", "event", "payload")

_NEWS = {
    r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$": "<uuid>",
    r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$": "<UTC time in milliseconds>",
    r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?\+00:00$": "<time with offset>",
    r"\d+ seconds ago": "<some> seconds ago",
}
"""What is new every time, and what stands for it."""
_LONG_TEXT = 10_000


@dataclass(frozen=True)
class Step:
    """One thing that happened: ``sent`` and ``received`` frames, or ``note`` with its text.

    ``tag`` names the socket where a recording has several.
    """

    kind: str
    content: Any
    tag: str = ""


@dataclass(frozen=True)
class Recording:
    """A transcript: its name (``01_join_ok_insert``) and its steps, causes before effects."""

    name: str
    steps: tuple[Step, ...]


def load(path: Path) -> Recording:
    """Read a transcript as it was recorded; the first line is its title and not a step.

    Frames of either serializer become objects with the same keys. Tokens become ``jwt {claims}``,
    or ``jwt-of-another-secret {claims}``, so that a replay can mint its own. A record of another
    kind is left out.
    """
    entries = [json.loads(line) for line in path.read_text().splitlines()[1:] if line.strip()]
    steps = [step for entry in entries if (step := _step(entry)) is not None]
    return Recording(path.stem, tuple(_causes_first(steps)))


def _step(entry: dict[str, Any]) -> Step | None:
    tag = (entry.get("tag") or "").strip()
    kind = {">": "sent", "<": "received"}.get(entry.get("dir", ""))
    if kind is not None and "frame" in entry:
        return Step(kind, _frame(entry["frame"]), tag)
    if "note" in entry:
        text = str(entry["note"])
        named = re.match(r"(\w+) (?=open ws://|handshake |socket closed)", text)
        return Step("note", text[named.end() :], named[1]) if named else Step("note", text, tag)
    return None


def _frame(text: str) -> Any:
    frame = json.loads(text)
    if isinstance(frame, list):
        frame = dict(zip(_ARRAY, frame, strict=True))
    payload = frame.get("payload")
    if isinstance(payload, dict):
        for name in ("access_token", "user_token"):
            if name in payload:
                payload[name] = _as_claims(payload[name])
    return frame


def _as_claims(token: Any) -> Any:
    """``jwt {claims}`` for a token, everything else as it is."""
    if not isinstance(token, str) or not _JWT.match(token):
        return token
    try:
        claims = jwt.decode(token, options={"verify_signature": False})
    except jwt.PyJWTError:
        return token
    try:
        jwt.decode(token, _RECORDERS_SECRET, ["HS256"], options={"verify_exp": False})
    except jwt.InvalidSignatureError:
        return f"jwt-of-another-secret {json.dumps(claims)}"
    except jwt.PyJWTError:
        pass
    return f"jwt {json.dumps(claims)}"


def essence(frame: Any, name: str = "") -> Any:
    """What of a frame must be the same in a replay: keys, types, constant texts and values.

    Left out are the values of what is new every time: ids, times, uuids, seconds.
    """
    match frame:
        case dict():
            return {key: essence(value, key) for key, value in frame.items()}
        case list():
            return [essence(value, name) for value in frame]
        case str() if len(frame) > _LONG_TEXT:
            return "<long text>"
        case str():
            return _without_news(frame)
        case int() if name in ("id", "ids"):
            return "<positive number>" if frame > 0 else frame
        case _:
            return frame


def _without_news(text: str) -> str:
    for pattern, placeholder in _NEWS.items():
        text = re.sub(pattern, placeholder, text)
    return text


def is_data(frame: Any) -> bool:
    """Whether a frame from the server comes of something that was committed."""
    replayed = frame["payload"].get("meta", {}).get("replayed", False)
    return frame["event"] in ("postgres_changes", "broadcast") and not replayed


def _causes_first(steps: list[Step]) -> Iterator[Step]:
    """Commits were noted by one observer and frames by another, so the note sometimes comes after
    the frame; and in two recordings rows arrive that others, made at the same time, had written.
    """
    remaining = list(steps)
    unexplained: list[Step] = []
    while remaining:
        step = remaining.pop(0)
        if step.kind == "note" and is_write(step.content):
            unexplained.append(step)
        elif step.kind == "received" and is_data(step.content):
            cause = _find(unexplained, step.content)
            if cause is not None:
                unexplained.remove(cause)
            else:
                later = _find(remaining, step.content)
                if later is not None:
                    remaining.remove(later)
                yield later or Step("note", _written_by_another(step.content))
        yield step


def is_write(note: str) -> bool:
    """Whether a note says that a row, or a broadcast, was committed."""
    return note.startswith(("SQL: insert into", "SQL: select realtime.send"))


def _find(steps: list[Step], frame: Any) -> Step | None:
    writes = (step for step in steps if step.kind == "note" and is_write(step.content))
    return next((step for step in writes if _explains(step.content, frame)), None)


def _explains(note: str, frame: Any) -> bool:
    """Whether the note is about what the frame carries."""
    payload = frame["payload"]
    if frame["event"] == "broadcast":
        content = payload["payload"]
        marks = (f"[{content.get('i')}]", f'{{"n":{content.get("n")}}}')
        return "realtime.send" in note and any(mark in note for mark in marks)
    record = payload["data"]["record"]
    if payload["data"]["table"] == "live_tmp":
        return f"live_tmp values({record['id']}," in note
    return "live_updates" in note and (not record or f"kind='{record['kind']}'" in note)


def _written_by_another(frame: Any) -> str:
    record = frame["payload"]["data"]["record"] or {"site_id": "s1", "kind": "x"}
    return f"SQL: insert into live_updates(site_id='{record['site_id']}', kind='{record['kind']}')"
