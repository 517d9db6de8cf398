"""Accepted findings, kept in a TOML file of the project's repository, where reviews see them.

Each entry names one database object, the fingerprint of the object and of everything it reaches, a
reason, an author and a date. Once the fingerprint changes, the finding is reported again.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any, Self

from spool_live.isolation import rules
from spool_live.isolation.findings import Finding
from spool_live.isolation.sandbox import CannotVerifyError

_FIELDS = ("object", "fingerprint", "reason", "author", "date")
_HEAD = """\
# Findings of verify_rls that were accepted, one database object at a time. An entry is valid while
# its fingerprint is: definition, owner, rights and attributes of the object and of all it reaches.
"""


@dataclass(frozen=True, slots=True)
class Accepted:
    """One entry of the file. ``object`` is the subject of the findings, as the report shows it."""

    object: str
    fingerprint: str
    reason: str
    author: str
    date: date

    def to_dict(self) -> dict[str, Any]:
        """Return the entry as a JSON object, with the date in ISO 8601."""
        return {**asdict(self), "date": self.date.isoformat()}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Return the entry that ``to_dict`` turned into ``data``."""
        return cls(**{**data, "date": date.fromisoformat(data["date"])})

    @property
    def note(self) -> str:
        """A sentence about who accepted the object, when and why."""
        return f"accepted by {self.author} on {self.date}: {self.reason}"


def read_accepted(path: str | Path) -> tuple[Accepted, ...]:
    """Return the entries of the file at ``path``, or none if ``path`` is empty.

    Raises ``CannotVerifyError`` if the file is missing or is not TOML, if an entry is incomplete,
    or if an object has more than one entry.
    """
    if not path:
        return ()
    try:
        data = tomllib.loads(Path(path).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise CannotVerifyError(
            f"The accepted findings cannot be read from {path}: {error}. Correct the file, or name "
            'the right one in SPOOL_LIVE["ISOLATION_ACCEPTED"] (or --accepted).'
        ) from error
    entries = data.get("accepted", [])
    if set(data) - {"accepted"} or not isinstance(entries, list):
        raise CannotVerifyError(
            f"{path} may hold only tables [[accepted]]: remove everything else from it."
        )
    found = tuple(_entry(path, place, entry) for place, entry in enumerate(entries, start=1))
    objects = [entry.object for entry in found]
    duplicates = {name for name in objects if objects.count(name) > 1}
    if duplicates:
        raise CannotVerifyError(
            f"{path} accepts {', '.join(sorted(duplicates))} more than once: keep one entry each."
        )
    return found


def append_accepted(path: str | Path, entry: Accepted) -> None:
    """Write ``entry`` to the file at ``path``. It replaces an entry for the same object."""
    kept = [e for e in _existing(path) if e.object != entry.object]
    tables = [_table(each) for each in sorted([*kept, entry], key=lambda each: each.object)]
    Path(path).write_text("\n".join([_HEAD, *tables]), "utf-8")


def separate(
    findings: Iterable[Finding], entries: Iterable[Accepted]
) -> tuple[list[Finding], list[tuple[Finding, Accepted]]]:
    """Return the findings that remain, and the accepted ones, each with its entry.

    A finding without a fingerprint cannot be accepted, and one whose fingerprint differs from the
    entry's has changed: both remain, and say so. An entry without a finding becomes a note.
    """
    by_object = {entry.object: entry for entry in entries}
    standing: list[Finding] = []
    accepted: list[tuple[Finding, Accepted]] = []
    for finding in findings:
        entry = by_object.get(finding.subject)
        if entry is None:
            standing.append(finding)
        elif finding.fingerprint and finding.fingerprint == entry.fingerprint:
            accepted.append((finding, entry))
        else:
            standing.append(_changed(finding, entry))
    used = {finding.subject for finding in (*standing, *(found for found, _ in accepted))}
    for entry in by_object.values():
        if entry.object not in used:
            what = f"it was {entry.note}; there is no finding about it any more"
            standing.append(rules.ACCEPTED_UNUSED.broken(entry.object, what))
    return standing, accepted


def _changed(finding: Finding, entry: Accepted) -> Finding:
    what = "has changed since" if finding.fingerprint else "cannot be accepted"
    data = finding.to_dict()
    return Finding.from_dict({**data, "reason": f"{finding.reason} ({entry.note}; it {what})"})


def _entry(path: str | Path, place: int, data: Any) -> Accepted:
    entry = data if isinstance(data, dict) else {}
    missing = [name for name in _FIELDS if not entry.get(name)]
    if missing or set(entry) - set(_FIELDS):
        wanted = ", ".join(_FIELDS)
        raise CannotVerifyError(
            f"Entry {place} of {path} must have exactly {wanted}, none of them empty."
        )
    day = entry["date"]
    if not isinstance(day, date):
        raise CannotVerifyError(
            f"Entry {place} of {path}: date must be a date without quotes, such as 2026-05-30."
        )
    plain = {name: str(entry[name]) for name in _FIELDS if name != "date"}
    return Accepted(**plain, date=date(day.year, day.month, day.day))


def _existing(path: str | Path) -> tuple[Accepted, ...]:
    return read_accepted(path) if Path(path).exists() else ()


def _table(entry: Accepted) -> str:
    lines = [f"{name} = {json.dumps(getattr(entry, name))}" for name in _FIELDS if name != "date"]
    return "\n".join(["[[accepted]]", *lines, f"date = {entry.date.isoformat()}", ""])
