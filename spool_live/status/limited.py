"""The status for somebody who may know of some sites only. Pure.

What is wrong for every site is said in a sentence of its kind: its reason may name other sites.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import replace

from spool_live.status.states import Kind, Problem, State, Status

REMEDY = "Whoever runs the system sees the reason."
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
STOPPED = {Kind.DELIVERY: "Nothing delivers updates."}


def for_sites(status: Status, site_ids: Collection[uuid.UUID]) -> Status:
    """Return ``status`` with the problems of ``site_ids`` as they are, those of every site without
    what may name a site, and nothing of other sites."""
    problems = tuple(
        problem if problem.site_id else _in_general(problem)
        for problem in status.problems
        if problem.site_id is None or problem.site_id in site_ids
    )
    return Status(status.at, problems)


def _in_general(problem: Problem) -> Problem:
    known = STOPPED if problem.state is State.STOPPED and problem.kind in STOPPED else SENTENCES
    said = known.get(problem.kind, "Something is wrong for every site.")
    return replace(problem, reason=said, remedy=REMEDY)
