"""The value types of a diagnosis: phases, findings, and how each check ended."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class RolloutPhase(StrEnum):
    """The phases of a rollout, in their order. Each has its own checks."""

    DATABASE = "database"
    """The tables exist, sites are isolated, old rows are removed, and alerts reach a person."""
    BACKEND = "backend"
    """Edits are recorded, and delivered to Supabase."""
    CLIENTS = "clients"
    """Front ends get tokens, which REST and Realtime accept."""
    ROLLOUT = "rollout"
    """The project is ready for production: isolation is proved, the throttle sees the right
    addresses, and the status is monitored."""


class Level(StrEnum):
    """How bad a finding is."""

    ERROR = "error"
    """Updates do not flow, or reach people who must not get them."""
    WARNING = "warning"
    """Updates flow, but something is missing that will be needed."""


class CheckState(StrEnum):
    """How a check ended, from best to worst."""

    OK = "ok"
    NOT_NEEDED = "not needed"
    """There is nothing to check in this installation."""
    WARNING = "warning"
    NOT_CHECKED = "not checked"
    """The check could not be carried out, so nothing is known."""
    ERROR = "error"


class Act(StrEnum):
    """What ``--fix`` can do about a finding, in the order in which it does it."""

    SETUP = "setup"
    MIRROR = "mirror"
    REQUEUE = "requeue"


@dataclass(frozen=True, slots=True)
class DoctorFinding:
    """One thing that is wrong: its cause in a sentence, and what to do about it.

    ``code`` is the id of the system check, the kind of the status problem or the code of the
    ``verify_rls`` finding that this finding repeats, else empty. ``act`` is what ``--fix`` can do
    about it, if anything.
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
    """Return a finding of the level ``error``."""
    return DoctorFinding(Level.ERROR, cause, remedy, code, act)


def warning(cause: str, remedy: str, *, code: str = "", act: Act | None = None) -> DoctorFinding:
    """Return a finding of the level ``warning``."""
    return DoctorFinding(Level.WARNING, cause, remedy, code, act)


@dataclass(frozen=True, slots=True)
class DoctorResult:
    """The outcome of one check. ``reason`` is empty if it was carried out, else it says why not."""

    name: str
    title: str
    phase: RolloutPhase
    findings: tuple[DoctorFinding, ...] = ()
    reason: str = ""
    is_needed: bool = True
    seconds: float = 0.0

    @property
    def state(self) -> CheckState:
        """How the check ended: as bad as its worst finding."""
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
