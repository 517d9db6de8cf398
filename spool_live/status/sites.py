"""The delivery of each site: counts for tables, and what keeps its updates from arriving."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Min

from spool_live.models import OutboxEntry, Site, SiteDelivery, SiteMirror
from spool_live.outbox import is_behind
from spool_live.status.states import Problem, State, Status

_NO_ENTRIES: dict[str, Any] = {"pending": 0, "dead": 0, "oldest": None}


@dataclass(frozen=True, slots=True)
class SiteStatus:
    """The delivery of one site. ``name`` is ``None`` for a site that was deleted."""

    using: str
    site_id: uuid.UUID
    name: str | None
    last_seq: int
    merged: int
    epoch: int
    is_mirrored: bool
    """Whether the Supabase database has acknowledged the newest state of the site and its keys."""
    pending: int
    dead: int
    oldest: datetime | None
    """When the oldest pending update was recorded."""
    problems: tuple[Problem, ...] = ()
    """The problems that concern an edit of this site made now, the worst first."""

    @property
    def state(self) -> State:
        """Whether an edit of this site made now would arrive."""
        return self.problems[0].state if self.problems else State.OK


def of_sites(
    using: str, status: Status, site_ids: Collection[uuid.UUID] | None = None
) -> list[SiteStatus]:
    """Return the sites on ``using``, or ``site_ids`` alone, each with its problems in ``status``.

    Deleted sites are included while they have entries left in the outbox.
    """
    sites, states = Site.objects.using(using), SiteDelivery.objects.using(using)
    if site_ids is None:
        states = states.exclude(site_id__in=sites.filter(is_probe=True).values("pk"))
    changes = SiteMirror.objects.using(using)
    if site_ids is not None:
        sites, states = sites.filter(pk__in=site_ids), states.filter(pk__in=site_ids)
        changes = changes.filter(pk__in=site_ids)
    known = {state.pk: state for state in states}
    mirrors = {mirror.pk: mirror for mirror in changes}
    names = dict(sites.values_list("pk", "name"))
    counts = _counts(using, site_ids)
    found = [
        SiteStatus(
            using=using,
            site_id=state.pk,
            name=names.get(state.pk),
            last_seq=state.last_seq,
            merged=state.merged,
            epoch=mirrors[state.pk].epoch if state.pk in mirrors else 1,
            is_mirrored=not is_behind(mirrors.get(state.pk), state),
            problems=status.of_site(state.pk, using),
            **counts.get(state.pk, _NO_ENTRIES),
        )
        for state in (
            known.get(site_id) or SiteDelivery(site_id=site_id)
            for site_id in dict.fromkeys([*mirrors, *known])
        )
        if state.pk in names or state.pk in counts
    ]
    return sorted(found, key=lambda site: (-site.state.severity, site.name or "", site.site_id))


def _counts(using: str, site_ids: Collection[uuid.UUID] | None) -> dict[uuid.UUID, dict[str, Any]]:
    """Return the pending and the dead entries of the outbox, by site.

    It takes two queries, because each state has an index of its own, without delivered entries.
    """
    entries = OutboxEntry.objects.using(using)
    if site_ids is not None:
        entries = entries.filter(site_id__in=site_ids)
    by_site = entries.values("site_id").order_by("site_id")
    pending = by_site.filter(state=OutboxEntry.State.PENDING)
    dead = by_site.filter(state=OutboxEntry.State.DEAD)
    found: dict[uuid.UUID, dict[str, Any]] = {}
    for row in pending.annotate(number=Count("pk"), oldest=Min("timestamp")):
        counted = {"pending": row["number"], "oldest": row["oldest"]}
        found[row["site_id"]] = {**_NO_ENTRIES, **counted}
    for other in dead.annotate(number=Count("pk")):
        found.setdefault(other["site_id"], {**_NO_ENTRIES})["dead"] = other["number"]
    return found
