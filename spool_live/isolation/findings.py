"""What the verification can find: one finding, how bad it is, and the rule that it breaks."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Self


class Severity(StrEnum):
    """``error``: somebody can get at what is not theirs, or a site gets nothing.
    ``warning``: nobody can today, but a layer of the defence is missing.
    ``note``: for information; it makes no exit code."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that must hold. ``remedy`` is what to do where a finding has no SQL of its own."""

    code: str
    severity: Severity
    title: str
    remedy: str

    def broken(
        self,
        subject: str,
        reason: str,
        *,
        sql: str = "",
        remedy: str | None = None,
        fingerprint: str = "",
    ) -> Finding:
        """Return the finding that ``subject`` (a table, function, role, ...) breaks this rule."""
        return Finding(
            code=self.code,
            severity=self.severity,
            title=self.title,
            subject=subject,
            reason=reason,
            remedy=self.remedy if remedy is None else remedy,
            sql=sql,
            fingerprint=fingerprint,
        )


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken rule. ``code`` never changes its meaning; ``sql``, where there is any, repairs it
    when the owner of ``subject`` runs it as it is. With a ``fingerprint`` (of the object and all
    that it reaches) it can be accepted; without one it cannot."""

    code: str
    severity: Severity
    title: str
    subject: str
    reason: str
    remedy: str
    sql: str = ""
    fingerprint: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return {**asdict(self), "severity": self.severity.value}

    @classmethod
    def from_dict(cls, given: dict[str, Any]) -> Self:
        """Return the value that ``to_dict`` gave: its inverse."""
        return cls(**{**given, "severity": Severity(given["severity"])})
