"""Sentences about waiting updates. Pure."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime

from spool_live.status.observing import Observation
from spool_live.status.states import age, updates


def name(seen: Observation, site_id: uuid.UUID) -> str:
    """Return the site's name, or its id if the site was deleted."""
    return seen.names.get(site_id) or f"site {site_id}"


def first_waiting(seen: Observation) -> datetime | None:
    """Return when the oldest of all waiting updates became due; ``None`` if none waits."""
    return min((w.oldest for w in seen.waiting.values() if w.oldest), default=None)


def count(seen: Observation, site_ids: Iterable[uuid.UUID]) -> str:
    """Return how many updates of ``site_ids`` wait, in words."""
    number = sum(seen.waiting[site_id].count for site_id in site_ids)
    return updates(number, at_least=not seen.is_all_of_it)


def waited(seen: Observation, site_ids: Iterable[uuid.UUID]) -> str:
    """Return ``12 updates of Skerry Bay Courier have waited up to 45 s``."""
    sites = list(site_ids)
    oldest = min(due for s in sites if (due := seen.waiting[s].oldest))
    number = sum(seen.waiting[site_id].count for site_id in sites)
    whose = name(seen, sites[0]) if len(sites) == 1 else f"{len(sites)} sites"
    verb = "has waited" if number == 1 else "have waited up to"
    return f"{count(seen, sites)} of {whose} {verb} {age(seen.now - oldest)}"


def what_has_waited(seen: Observation) -> str:
    """Return how much waits, as the beginning of a sentence; empty if nothing does."""
    return waited(seen, seen.waiting) if seen.waiting else ""


def what_waits(seen: Observation) -> str:
    """Return how much waits, in brackets after a sentence; empty if nothing does."""
    return f" ({waited(seen, seen.waiting)}.)" if seen.waiting else ""


def sentence(waiting: str, reason: str) -> str:
    """Return a sentence that says what waits, and why; or only why."""
    return f"{waiting}: {reason}." if waiting else f"{reason[0].upper()}{reason[1:]}."
