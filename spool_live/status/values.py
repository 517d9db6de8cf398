"""The status as JSON values, the same for commands, endpoints and webhooks."""

from __future__ import annotations

from typing import Any

from spool_live.status.states import Problem, Status


def as_json(status: Status) -> dict[str, Any]:
    """Return ``{state, at, since, age_seconds, problems: [...], notices: [text], parts:
    [...]}``."""
    since = status.since
    return {
        "state": status.state.value,
        "at": status.at,
        "since": since,
        "age_seconds": (status.at - since).total_seconds() if since else None,
        "problems": [problem_as_json(problem) for problem in status.problems],
        "notices": list(status.notices),
        "parts": [
            {
                "database": part.using,
                "part": part.part,
                "at": part.at,
                "age_seconds": (status.at - part.at).total_seconds(),
                "succeeded_at": part.succeeded_at,
                "failing_since": part.failing_since,
                "error": part.error,
                "detail": part.detail,
            }
            for part in status.parts
        ],
    }


def problem_as_json(problem: Problem) -> dict[str, Any]:
    """Return ``{kind, state, since, reason, remedy, database, site_id, site}``."""
    return {
        "kind": problem.kind.value,
        "state": problem.state.value,
        "since": problem.since,
        "reason": problem.reason,
        "remedy": problem.remedy,
        "database": problem.using,
        "site_id": problem.site_id,
        "site": problem.site,
    }
