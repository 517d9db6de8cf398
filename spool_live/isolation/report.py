"""The outcome of one verification, as a value that JSON can hold."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from spool_live.isolation.accepted import Accepted
from spool_live.isolation.findings import Finding, Severity


@dataclass(frozen=True, slots=True)
class Report:
    """Findings, errors first, what of them was accepted, and what they were looked for in.

    ``started_at`` is aware, ``duration`` in seconds. ``roles`` are the API roles that were attacked
    as, ``schemas`` those that the API exposes, ``attacks`` how many statements were tried.
    """

    database: str
    server_version: str
    one_database: bool
    realtime_mode: str
    roles: tuple[str, ...]
    schemas: tuple[str, ...]
    attacks: int
    started_at: datetime
    duration: float
    findings: tuple[Finding, ...]
    accepted: tuple[tuple[Finding, Accepted], ...] = ()

    @property
    def clean(self) -> bool:
        """Whether nothing was found but notes, and what was accepted."""
        return self.isolated and not self.count(Severity.WARNING)

    @property
    def isolated(self) -> bool:
        """Whether no error was found; warnings there may be."""
        return not self.count(Severity.ERROR)

    def count(self, severity: Severity) -> int:
        """Return how many findings are of this severity."""
        return Counter(finding.severity for finding in self.findings)[severity]

    @property
    def summary(self) -> str:
        """One sentence for people."""
        if self.clean:
            verdict = "no findings"
        else:
            errors, warnings = self.count(Severity.ERROR), self.count(Severity.WARNING)
            verdict = f"{_counted(errors, 'error')}, {_counted(warnings, 'warning')}"
        if notes := self.count(Severity.NOTE):
            verdict += f", {_counted(notes, 'note')}"
        if self.accepted:
            verdict += f", {len(self.accepted)} accepted"
        return (
            f"{verdict}: {self.attacks} attacks as {', '.join(self.roles)} and the catalog of "
            f"{self.database!r} (PostgreSQL {self.server_version}) in {self.duration:.1f} s"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return it as a JSON object: times in ISO 8601, everything else plain."""
        return {
            "database": self.database,
            "server_version": self.server_version,
            "one_database": self.one_database,
            "realtime_mode": self.realtime_mode,
            "roles": list(self.roles),
            "schemas": list(self.schemas),
            "attacks": self.attacks,
            "started_at": self.started_at.isoformat(),
            "duration": self.duration,
            "clean": self.clean,
            "isolated": self.isolated,
            "findings": [finding.to_dict() for finding in self.findings],
            "accepted": [
                {"finding": finding.to_dict(), "entry": entry.to_dict()}
                for finding, entry in self.accepted
            ],
        }

    @classmethod
    def from_dict(cls, given: dict[str, Any]) -> Self:
        """Return the value that ``to_dict`` gave: its inverse."""
        plain = {k: v for k, v in given.items() if k not in ("clean", "isolated")}
        return cls(
            **{
                **plain,
                "roles": tuple(given["roles"]),
                "schemas": tuple(given["schemas"]),
                "started_at": datetime.fromisoformat(given["started_at"]),
                "findings": tuple(Finding.from_dict(each) for each in given["findings"]),
                "accepted": tuple(
                    (Finding.from_dict(each["finding"]), Accepted.from_dict(each["entry"]))
                    for each in given.get("accepted", ())
                ),
            }
        )


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
