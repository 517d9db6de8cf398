"""Findings that somebody looked at and accepted: a TOML file in the repository, for reviews to see.

Each entry is one object with the fingerprint of all that it reaches, a reason, an author, a date.
Where any of that changes, the finding is back.
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
# What verify_rls found and somebody accepted, one object at a time. An entry holds as long as its
# fingerprint does: definition, owner, rights, attributes of the object and of all that it reaches.
"""


@dataclass(frozen=True, slots=True)
class Accepted:
    """One entry. ``object`` is the subject of the findings, as the report shows it."""

    object: str
    fingerprint: str
    reason: str
    author: str
    date: date

    def to_dict(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return {**asdict(self), "date": self.date.isoformat()}

    @classmethod
    def from_dict(cls, given: dict[str, Any]) -> Self:
        """Return the value that ``to_dict`` gave: its inverse."""
        return cls(**{**given, "date": date.fromisoformat(given["date"])})

    @property
    def note(self) -> str:
        """Who accepted it, when and why."""
        return f"accepted by {self.author} on {self.date}: {self.reason}"


def read_accepted(path: str | Path) -> tuple[Accepted, ...]:
    """Return the entries of the file; none where ``path`` is empty. Raises
    ``CannotVerifyError`` for a file that is missing, not TOML, or has an entry that lacks
    something."""
    if not path:
        return ()
    try:
        given = tomllib.loads(Path(path).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise CannotVerifyError(
            f"The accepted findings cannot be read from {path}: {error}. Correct the file, or "
            'SPOOL_LIVE["ISOLATION_ACCEPTED"] (or --accepted), which names it.'
        ) from error
    entries = given.get("accepted", [])
    if set(given) - {"accepted"} or not isinstance(entries, list):
        raise CannotVerifyError(f"{path} may hold tables [[accepted]] and nothing else.")
    found = tuple(_entry(path, place, entry) for place, entry in enumerate(entries, start=1))
    twice = {entry.object for entry in found if [e.object for e in found].count(entry.object) > 1}
    if twice:
        raise CannotVerifyError(
            f"{path} accepts {', '.join(sorted(twice))} more than once: keep one."
        )
    return found


def append_accepted(path: str | Path, entry: Accepted) -> None:
    """Add ``entry`` to the file, in place of one for the same object."""
    kept = [e for e in _existing(path) if e.object != entry.object]
    tables = [_table(each) for each in sorted([*kept, entry], key=lambda each: each.object)]
    Path(path).write_text("\n".join([_HEAD, *tables]), "utf-8")


def separate(
    findings: Iterable[Finding], entries: Iterable[Accepted]
) -> tuple[list[Finding], list[tuple[Finding, Accepted]]]:
    """Return findings that stand, and those that are accepted with their entries.

    What cannot be accepted stands whatever the file says, and so does what has changed since. An
    entry that accepts nothing is a note.
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
            what = f"it is {entry.note}; nothing is found about it any more"
            standing.append(rules.ACCEPTED_UNUSED.broken(entry.object, what))
    return standing, accepted


def _changed(finding: Finding, entry: Accepted) -> Finding:
    what = "has changed since" if finding.fingerprint else "cannot be accepted"
    given = finding.to_dict()
    return Finding.from_dict({**given, "reason": f"{finding.reason} ({entry.note}; it {what})"})


def _entry(path: str | Path, place: int, given: Any) -> Accepted:
    entry = given if isinstance(given, dict) else {}
    missing = [name for name in _FIELDS if not entry.get(name)]
    if missing or set(entry) - set(_FIELDS):
        wanted = ", ".join(_FIELDS)
        raise CannotVerifyError(f"Entry {place} of {path} must have exactly {wanted}, none empty.")
    day = entry["date"]
    if not isinstance(day, date):
        raise CannotVerifyError(f"Entry {place} of {path}: date must be a date, as 2026-05-30.")
    plain = {name: str(entry[name]) for name in _FIELDS if name != "date"}
    return Accepted(**plain, date=date(day.year, day.month, day.day))


def _existing(path: str | Path) -> tuple[Accepted, ...]:
    return read_accepted(path) if Path(path).exists() else ()


def _table(entry: Accepted) -> str:
    lines = [f"{name} = {json.dumps(getattr(entry, name))}" for name in _FIELDS if name != "date"]
    return "\n".join(["[[accepted]]", *lines, f"date = {entry.date.isoformat()}", ""])
