"""The status for a user who may see some sites only. Pure.

The reason of a problem that concerns every site may name other sites: it is replaced with a general
sentence about the kind of the problem.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import replace

from spool_live.status.states import Kind, Problem, State, Status

REMEDY = "The operators of the system see the reason."
SENTENCES = {
    Kind.DATABASE: "The content database does not answer as it should.",
    Kind.DELIVERY: "Delivery ends with an error each time.",
    Kind.SWEEP: "The sweep does not run, which finds lost nudges and due retries.",
    Kind.BROKER: "The broker does not answer.",
    Kind.SUPABASE: "Supabase does not answer.",
    Kind.REALTIME: "Something that Realtime needs is missing.",
    Kind.CLEANUP: "Old rows are not removed as they should be.",
    Kind.ISOLATION: "A verification found that sites are not isolated.",
    Kind.CACHE: "The throttle cache does not answer.",
}
"""The general reason for each kind of problem that may concern every site."""
STOPPED = {Kind.DELIVERY: "Nothing delivers updates."}
"""The same, while the state of the problem is ``stopped``."""


def for_sites(status: Status, site_ids: Collection[uuid.UUID]) -> Status:
    """Return ``status`` without the problems of sites other than ``site_ids``.

    Problems of every site have a general reason; notices and parts are left out.
    """
    problems = tuple(
        problem if problem.site_id else _in_general(problem)
        for problem in status.problems
        if problem.site_id is None or problem.site_id in site_ids
    )
    return Status(status.at, problems)


def _in_general(problem: Problem) -> Problem:
    known = STOPPED if problem.state is State.STOPPED and problem.kind in STOPPED else SENTENCES
    reason = known.get(problem.kind, "Something is wrong for every site.")
    return replace(problem, reason=reason, remedy=REMEDY)
