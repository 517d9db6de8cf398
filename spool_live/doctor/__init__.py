"""The checks of ``live_doctor``: common mistakes, each reported with its cause and its remedy.

``findings`` defines phases, findings and results; ``registry`` runs the checks, so that one that
fails does not stop the next; ``surroundings`` has what they share. Each subject has a module of
checks: ``databases`` (phase *database*), ``project`` and ``delivery`` (*backend*), ``tokens``,
``realtime`` and ``clients`` (*clients*), ``rollout`` and ``proxies`` (*rollout*). The checks call
the system checks, the status and ``verify_rls`` for everything that those already determine.
"""

from __future__ import annotations

from spool_live.doctor import (  # noqa: F401 - importing them registers their checks
    clients,
    databases,
    delivery,
    project,
    proxies,
    realtime,
    rollout,
    tokens,
)
from spool_live.doctor.findings import (
    Act,
    CheckState,
    DoctorFinding,
    DoctorResult,
    Level,
    RolloutPhase,
)
from spool_live.doctor.registry import check, checks_of, examine, run
from spool_live.doctor.surroundings import NotChecked, NotNeeded, Surroundings

__all__ = [
    "Act",
    "CheckState",
    "DoctorFinding",
    "DoctorResult",
    "Level",
    "NotChecked",
    "NotNeeded",
    "RolloutPhase",
    "Surroundings",
    "check",
    "checks_of",
    "examine",
    "run",
]
