"""The words of a diagnosis: phases, findings, and how a check ended. Pure values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class RolloutPhase(StrEnum):
    """The phases of a rollout, in their order. Each is proved by its own checks."""

    DATABASE = "database"
    """The live tables are there, closed to strangers, cleaned, and somebody is alerted."""
    BACKEND = "backend"
    """Edits are recorded, and delivered to Supabase."""
    CLIENTS = "clients"
    """Front ends get tokens, which REST and Realtime accept."""
    ROLLOUT = "rollout"
    """It holds in production: proved end to end, throttled, watched."""


class Level(StrEnum):
    """How bad a finding is. ``error``: updates do not flow, or reach whom they must not.
    ``warning``: they do, but something is missing that will be."""

    ERROR = "error"
    WARNING = "warning"


class CheckState(StrEnum):
    """How a check ended, from well to bad."""

    OK = "ok"
    NOT_NEEDED = "not needed"
    """Nothing to check in this installation."""
    WARNING = "warning"
    NOT_CHECKED = "not checked"
    """It could not be carried out, so nothing is known."""
    ERROR = "error"


class Act(StrEnum):
    """What ``--fix`` can do about a finding, in the order in which it does it."""

    SETUP = "setup"
    MIRROR = "mirror"
    REQUEUE = "requeue"


@dataclass(frozen=True, slots=True)
class DoctorFinding:
    """One thing that is wrong: its cause in a sentence, and what to do about it.

    ``code`` is the number of a system check, or the kind of a problem of the status, where it is
    one. ``act`` is set where ``--fix`` can repair it.
    """

    level: Level
    cause: str
    remedy: str
    code: str = ""
    act: Act | None = None

    def as_json(self) -> dict[str, Any]:
        """Return ``{level, cause, remedy, code, fix}``."""
        return {
            "level": self.level.value,
            "cause": self.cause,
            "remedy": self.remedy,
            "code": self.code,
            "fix": self.act.value if self.act else None,
        }


def error(cause: str, remedy: str, *, code: str = "", act: Act | None = None) -> DoctorFinding:
    """Return a finding: it keeps updates from flowing, or lets them reach whom they must not."""
    return DoctorFinding(Level.ERROR, cause, remedy, code, act)


def warning(cause: str, remedy: str, *, code: str = "", act: Act | None = None) -> DoctorFinding:
    """Return a finding that keeps nothing from flowing today."""
    return DoctorFinding(Level.WARNING, cause, remedy, code, act)


@dataclass(frozen=True, slots=True)
class DoctorResult:
    """How one check ended. ``reason`` says why where it was not carried out."""

    name: str
    title: str
    phase: RolloutPhase
    findings: tuple[DoctorFinding, ...] = ()
    reason: str = ""
    is_needed: bool = True
    seconds: float = 0.0

    @property
    def state(self) -> CheckState:
        """The worst that was found."""
        levels = {finding.level for finding in self.findings}
        if Level.ERROR in levels:
            return CheckState.ERROR
        if self.reason:
            return CheckState.NOT_CHECKED if self.is_needed else CheckState.NOT_NEEDED
        return CheckState.WARNING if levels else CheckState.OK

    def as_json(self) -> dict[str, Any]:
        """Return ``{check, title, phase, state, reason, seconds, findings: [...]}``."""
        return {
            "check": self.name,
            "title": self.title,
            "phase": self.phase.value,
            "state": self.state.value,
            "reason": self.reason,
            "seconds": round(self.seconds, 3),
            "findings": [finding.as_json() for finding in self.findings],
        }
