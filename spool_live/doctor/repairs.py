"""The repairs of ``live_doctor --fix``: it does what ``live_setup``, ``live_deliver --mirror-all``
and ``live_requeue`` do, and nothing else.

So it never changes a settings file, a secret, a database role, or an object that is not ours. Each
repair is recorded in an audit trail, with who made it: requeued entries in the trail of the outbox,
the other repairs in the trail of the operators.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.db.models import Count, Q

from spool_live import outbox
from spool_live.delivery import mirror
from spool_live.doctor.findings import Act, DoctorResult
from spool_live.doctor.secrets import without_secrets
from spool_live.doctor.surroundings import NotChecked, Surroundings
from spool_live.exceptions import SpoolLiveError
from spool_live.keys.trail import Act as TrailAct
from spool_live.keys.trail import note_act
from spool_live.models import OutboxEntry, Site
from spool_live.supabase.provisioning import provision, undone
from spool_live.supabase.steps import StepOutcome

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Repair:
    """A repair that can be made. ``do`` makes it and returns the outcome in words; it raises
    ``SpoolLiveError`` or ``DatabaseError``."""

    act: Act
    what: str
    using: str
    do: Callable[[], str]


@dataclass(frozen=True, slots=True)
class Done:
    """The outcome of a repair; ``error`` is empty if it succeeded."""

    repair: Repair
    outcome: str = ""
    error: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return ``{fix, what, done, outcome, error}``."""
        return {**planned(self.repair), "done": not self.error, "outcome": self.outcome} | {
            "error": self.error
        }


def planned(repair: Repair) -> dict[str, Any]:
    """Return a repair that was not made, as ``{fix, what, done}``."""
    return {"fix": repair.act.value, "what": repair.what, "done": False}


def plan(results: Iterable[DoctorResult], surroundings: Surroundings) -> list[Repair]:
    """Return the repairs for what was found, in the order in which they have to be made."""
    wanted = {finding.act for result in results for finding in result.findings}
    found: list[Repair] = []
    for act in Act:
        if act in wanted:
            try:
                found += _PLANS[act](surroundings)
            except NotChecked:
                continue  # a database that answered the checks does not answer now
    return found


def carry_out(repair: Repair) -> Done:
    """Make the repair. An error becomes part of the outcome: it does not stop the next repair."""
    try:
        return Done(repair, outcome=repair.do())
    except Exception as raised:
        logger.exception("repair %s failed", repair.act)
        message = str(raised).strip().partition("\n")[0]
        is_ours = isinstance(raised, SpoolLiveError)
        return Done(repair, error=without_secrets(message) if is_ours else type(raised).__name__)


def _plan_setup(surroundings: Surroundings) -> Iterator[Repair]:
    alias = surroundings.supabase_alias()
    pending = [step.step for step in undone(alias) if step.outcome is StepOutcome.PENDING]
    if pending:
        using = surroundings.content_aliases()[0]
        what = f"live_setup on {alias!r}: {', '.join(pending)}"
        yield Repair(Act.SETUP, what, using, partial(_set_up, alias, using, what))


def _plan_mirror(surroundings: Surroundings) -> Iterator[Repair]:
    for using in surroundings.content_aliases():
        count = Site.objects.using(using).count()
        if not count:
            continue
        sites = "1 site with its keys" if count == 1 else f"{count} sites with their keys"
        what = f"live_deliver --mirror-all on {using!r}: {sites}"
        yield Repair(Act.MIRROR, what, using, partial(_mirror, using, what))


def _plan_requeue(surroundings: Surroundings) -> Iterator[Repair]:
    for using in surroundings.content_aliases():
        dead = OutboxEntry.objects.using(using).filter(state=OutboxEntry.State.DEAD)
        of_sites = dead.values("site_id").order_by("site_id").annotate(entries=Count("pk"))
        names = dict(Site.objects.using(using).values_list("pk", "name"))
        for row in of_sites:
            site_id, count = row["site_id"], row["entries"]
            entries = "1 dead entry" if count == 1 else f"{count} dead entries"
            what = f"live_requeue: {entries} of {names.get(site_id, site_id)}"
            yield Repair(Act.REQUEUE, what, using, partial(_requeue, using, site_id))


def _set_up(alias: str, using: str, what: str) -> str:
    steps = provision(alias)
    failed = [step for step in steps if step.outcome is StepOutcome.FAILED]
    note_act(TrailAct.REPAIRED, what, using=using, failed=[step.step for step in failed])
    if failed:
        raise SpoolLiveError("; ".join(f"{step.step}: {step.remedy}" for step in failed))
    return f"{sum(step.outcome is StepOutcome.DONE for step in steps)} steps are done"


def _mirror(using: str, what: str) -> str:
    marked = mirror.mirror_all(using)
    note_act(TrailAct.REPAIRED, what, using=using, sites=marked)
    return f"{mirror.mirror_pending(using)} of {marked} sites are acknowledged"


def _requeue(using: str, site_id: uuid.UUID) -> str:
    return f"{outbox.requeue_dead(using, Q(site_id=site_id))} entries are pending again"


_PLANS: dict[Act, Callable[[Surroundings], Iterator[Repair]]] = {
    Act.SETUP: _plan_setup,
    Act.MIRROR: _plan_mirror,
    Act.REQUEUE: _plan_requeue,
}
