"""The rules of the verification, and the findings that report a broken one."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Self


class Severity(StrEnum):
    """The severity of a finding.

    ``error``: an API caller can reach what belongs to another site, or a site gets no updates.
    ``warning``: that is not possible today, but one layer of the defence is missing.
    ``note``: for information; it never changes the exit code.
    """

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Rule:
    """One condition that must hold. ``title`` states it; ``remedy`` says what to do where a finding
    has no SQL of its own."""

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
        """Return the finding that ``subject`` (a table, function, role, ...) breaks this rule.

        ``reason`` says what was found; ``sql``, ``remedy`` and ``fingerprint`` are those of
        ``Finding``.
        """
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
    """One broken rule.

    ``code`` never changes its meaning. ``sql``, if there is any, repairs the fault when the owner
    of ``subject`` runs it unchanged. Only a finding with a ``fingerprint`` (of the object and of
    everything it reaches) can be accepted.
    """

    code: str
    severity: Severity
    title: str
    subject: str
    reason: str
    remedy: str
    sql: str = ""
    fingerprint: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the finding as a JSON object."""
        return {**asdict(self), "severity": self.severity.value}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Return the finding that ``to_dict`` turned into ``data``."""
        return cls(**{**data, "severity": Severity(data["severity"])})
