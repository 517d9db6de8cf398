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
    """The findings of one verification, errors first, and a description of what was verified.

    ``started_at`` is an aware time, ``duration`` is in seconds. ``roles`` are the API roles that
    statements were tried as, ``schemas`` the exposed ones, ``attacks`` the number of statements.
    ``accepted`` are the accepted findings with their entries; ``findings`` does not contain them.
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
        """Whether there are no errors and no warnings, apart from accepted ones."""
        return self.isolated and not self.count(Severity.WARNING)

    @property
    def isolated(self) -> bool:
        """Whether there are no errors; there may be warnings."""
        return not self.count(Severity.ERROR)

    def count(self, severity: Severity) -> int:
        """Return how many findings are of this severity."""
        return Counter(finding.severity for finding in self.findings)[severity]

    @property
    def summary(self) -> str:
        """A sentence about the outcome, for people."""
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
        """Return the report as a JSON object, with the time in ISO 8601."""
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
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Return the report that ``to_dict`` turned into ``data``."""
        plain = {k: v for k, v in data.items() if k not in ("clean", "isolated")}
        return cls(
            **{
                **plain,
                "roles": tuple(data["roles"]),
                "schemas": tuple(data["schemas"]),
                "started_at": datetime.fromisoformat(data["started_at"]),
                "findings": tuple(Finding.from_dict(each) for each in data["findings"]),
                "accepted": tuple(
                    (Finding.from_dict(each["finding"]), Accepted.from_dict(each["entry"]))
                    for each in data.get("accepted", ())
                ),
            }
        )


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
