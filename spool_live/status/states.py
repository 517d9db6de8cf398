"""The value types of the status: states, problems, activities; and times in words. Pure."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from django.utils import timezone


class State(StrEnum):
    """Whether an edit made now would arrive, from best to worst. ``severity`` orders them."""

    OK = "ok"
    """It would arrive in time."""
    DELAYED = "delayed"
    """It would arrive, but later than it should."""
    FAILING = "failing"
    """Something is refused or does not answer: it recovers by itself, or needs a person."""
    STOPPED = "stopped"
    """Nothing delivers: it would wait until a person starts what is missing."""

    @property
    def severity(self) -> int:
        """0 for ``ok``, and more the worse it is."""
        return list(State).index(self)


class Kind(StrEnum):
    """What a problem is about: also the name of the alert rule that reports it."""

    DATABASE = "database"
    DELIVERY = "delivery"
    SWEEP = "sweep"
    BROKER = "broker"
    SUPABASE = "supabase"
    REALTIME = "realtime"
    BACKLOG = "backlog"
    SITE = "site"
    MIRROR = "mirror"
    DEAD = "dead"
    CLEANUP = "cleanup"
    ISOLATION = "isolation"
    CACHE = "cache"


CURRENT_FOR = timedelta(minutes=5)
"""How old the stored number of Realtime's clients may be."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: what, since when, for whom, and what to do about it.

    ``site_id`` and ``site`` (its name) are ``None`` where it concerns every site.
    """

    kind: Kind
    state: State
    since: datetime
    reason: str
    remedy: str
    using: str
    site_id: uuid.UUID | None = None
    site: str | None = None


@dataclass(frozen=True, slots=True)
class Status:
    """The state of the system at ``at``: that of its worst problem, ``ok`` where there is none.

    ``problems`` come worst and oldest first; ``notices`` are sentences about what is worth
    knowing, but not a problem.
    """

    at: datetime
    problems: tuple[Problem, ...] = ()
    notices: tuple[str, ...] = ()
    parts: tuple[Activity, ...] = field(default=(), repr=False)

    @property
    def state(self) -> State:
        """The worst state of all problems."""
        return self.problems[0].state if self.problems else State.OK

    @property
    def since(self) -> datetime | None:
        """Since when it has been as bad as it is; ``None`` while all is well."""
        return self.problems[0].since if self.problems else None

    def of_site(self, site_id: uuid.UUID, using: str) -> tuple[Problem, ...]:
        """Return the problems that concern an edit of this site."""
        return tuple(p for p in self.problems if p.using == using and p.site_id in {None, site_id})


@dataclass(frozen=True, slots=True)
class Activity:
    """When a part of the system was last active, as its heartbeat says."""

    using: str
    part: str
    at: datetime
    active_since: datetime | None
    succeeded_at: datetime | None
    failing_since: datetime | None
    error: str
    detail: dict[str, Any] = field(default_factory=dict)


def connections_of(part: Activity, now: datetime) -> int | None:
    """Return how many clients are connected to Realtime, if ``part`` has a recent number."""
    number = part.detail.get("connections")
    is_fresh = now - part.at < CURRENT_FOR and part.failing_since is None
    return int(number) if isinstance(number, int) and is_fresh else None


def ordered(problems: list[Problem]) -> tuple[Problem, ...]:
    """Return ``problems``, the worst first, of the same state the oldest."""
    return tuple(sorted(problems, key=lambda p: (-p.state.severity, p.since)))


def age(span: timedelta) -> str:
    """Return a duration as people say it: ``45 s``, ``3 min``, ``5 h``, ``2 days``."""
    seconds = max(0, int(span.total_seconds()))
    for unit, size in (("days", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def clock(moment: datetime, now: datetime) -> str:
    """Return a moment of the past as people say it: ``10:12:05`` today, with the date before
    that."""
    local = timezone.localtime(moment)
    today = local.date() == timezone.localtime(now).date()
    return f"{local:%H:%M:%S}" if today else f"{local:%Y-%m-%d %H:%M}"


def updates(count: int, *, at_least: bool = False) -> str:
    """Return ``1 update``, ``12 updates``, ``at least 10,000 updates``."""
    if count == 1:
        return "1 update"
    return f"{'at least ' if at_least else ''}{count:,} updates"
