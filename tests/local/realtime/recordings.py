"""Recordings as steps that a test can take, and frames as what must be equal in a replay."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).with_name("transcripts")

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
    """One thing that happened: ``sent`` and ``received`` frames, or ``note`` with its text."""

    kind: str
    content: Any


@dataclass(frozen=True)
class Recording:
    """A transcript: its name (``01_join_ok_insert``) and its steps, causes before effects."""

    name: str
    steps: tuple[Step, ...]


def load(path: Path) -> Recording:
    """Read a transcript; the first line is its title and no step."""
    entries = [json.loads(line) for line in path.read_text().splitlines()[1:]]
    kinds = {">": "sent", "<": "received", "#": "note"}
    steps = [
        Step(kinds[entry["dir"]], json.loads(entry["frame"]) if "frame" in entry else entry["note"])
        for entry in entries
    ]
    return Recording(path.stem, tuple(_causes_first(steps)))


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
