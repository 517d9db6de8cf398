"""Registers the doctor's checks and runs them. A check that raises does not stop the next one."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError

from spool_live.conf import live_settings
from spool_live.doctor.findings import DoctorFinding, DoctorResult, RolloutPhase
from spool_live.doctor.secrets import without_secrets
from spool_live.doctor.surroundings import NotChecked, NotNeeded, Surroundings
from spool_live.exceptions import SpoolLiveConfigurationError, SpoolLiveError

logger = logging.getLogger(__name__)

Work = Callable[[Surroundings], Iterable[DoctorFinding]]


@dataclass(frozen=True, slots=True)
class DoctorCheck:
    """One check. ``work`` yields what is wrong, and nothing where all is well."""

    name: str
    title: str
    phase: RolloutPhase
    work: Work
    reads_settings: bool = True
    """Whether the check needs a ``SPOOL_LIVE`` that can be read."""


MODULES = (
    "databases",
    "project",
    "delivery",
    "clients",
    "tokens",
    "realtime",
    "rollout",
    "proxies",
)
"""The modules with checks, in the order in which they run: those that others depend on first."""
_checks: dict[str, DoctorCheck] = {}


def check(
    name: str, title: str, phase: RolloutPhase, *, reads_settings: bool = True
) -> Callable[[Work], Work]:
    """Register the decorated function, in one of ``MODULES``, as the check ``name``.

    ``title`` is a sentence that is true if the check finds nothing.
    """

    def register(work: Work) -> Work:
        _checks[name] = DoctorCheck(name, title, phase, work, reads_settings)
        return work

    return register


def checks_of(phase: RolloutPhase | None = None) -> list[DoctorCheck]:
    """Return the checks of ``phase``, or all, in the order of phases and of ``MODULES``."""
    chosen = [one for one in _checks.values() if phase is None or one.phase is phase]
    return sorted(chosen, key=_position)


def _position(one: DoctorCheck) -> tuple[int, int]:
    module = one.work.__module__.rpartition(".")[2]
    return list(RolloutPhase).index(one.phase), MODULES.index(module)


def run(
    chosen: Iterable[DoctorCheck],
    surroundings: Surroundings,
    progress: Callable[[str], None] = lambda title: None,
) -> Iterator[DoctorResult]:
    """Carry out the checks ``chosen`` one after the other, and yield their results.

    ``progress`` is called with the title of each check before it starts. What a check raises is
    not raised here: the result says that it could not be carried out, and why.
    """
    for one in chosen:
        progress(one.title)
        yield examine(one, surroundings)


def examine(one: DoctorCheck, surroundings: Surroundings) -> DoctorResult:
    """Carry out one check and return its result."""
    began = time.monotonic()
    found: list[DoctorFinding] = []
    reason, is_needed = "", True
    try:
        if one.reads_settings:
            _readable_settings()
        found.extend(one.work(surroundings))
    except NotNeeded as stopped:
        reason, is_needed = str(stopped), False
    except NotChecked as stopped:
        reason = str(stopped)
    except Exception as raised:
        logger.debug("check %s", one.name, exc_info=True)
        reason = _why(raised)
    findings = tuple(_clean(finding) for finding in found)
    return DoctorResult(
        one.name,
        one.title,
        one.phase,
        findings,
        without_secrets(reason),
        is_needed,
        time.monotonic() - began,
    )


def _readable_settings() -> None:
    try:
        live_settings()
    except SpoolLiveConfigurationError as error:
        raise NotChecked("SPOOL_LIVE cannot be read: see the check of the settings.") from error


def _why(raised: Exception) -> str:
    """Return the message of an unexpected error if it is written for people, else its class."""
    message = str(raised).strip().partition("\n")[0]
    if isinstance(raised, (SpoolLiveError, ImproperlyConfigured)):
        return message
    if isinstance(raised, DatabaseError):
        return f"The database answers with an error: {message}"
    return f"The check itself failed with {type(raised).__name__}."


def _clean(finding: DoctorFinding) -> DoctorFinding:
    return replace(
        finding,
        cause=without_secrets(finding.cause),
        remedy=without_secrets(finding.remedy),
    )
