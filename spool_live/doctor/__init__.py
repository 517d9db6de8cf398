"""What a newcomer gets wrong, looked for one by one; each finding names its cause and its remedy.

``findings`` has the words, ``registry`` runs the checks so that none stops another,
``surroundings`` has what they share. The checks are in one file for each subject: ``databases``
(phase *database*), ``project`` and ``delivery`` (*backend*), ``tokens``, ``realtime`` and
``clients`` (*clients*), ``rollout`` and ``proxies`` (*rollout*). They decide nothing that the
system checks, the status or ``verify_rls`` decide: those are asked.
"""

from __future__ import annotations

from spool_live.doctor import (  # noqa: F401 - their checks are registered with the import
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
