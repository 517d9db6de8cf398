"""Probe sites for a proof on the running services: created and removed as real sites are."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

from django.db import DatabaseError, connections
from django.utils import timezone

from spool_live import broadcast_update, delivery, keys, outbox
from spool_live.broadcasters import get_broadcaster
from spool_live.conf import live_settings
from spool_live.delivery import mirror
from spool_live.exceptions import BroadcastError
from spool_live.keys.trail import Origin, acting
from spool_live.models import OutboxEntry, Site, SiteApiKey
from spool_live.supabase.databases import is_supabase_database
from spool_live.updates import EventType, LiveUpdateData

NAME = "spool_live probe"
LEFT_BEHIND = timedelta(minutes=15)
"""The age from which a probe site counts as left behind by a run that was killed."""
POLL = 0.05


@dataclass
class ProbeSite:
    """A probe site with its keys by name, their plain texts, and the updates written to it.

    ``written`` maps the slug of each update to the monotonic time at which it was recorded.
    """

    site: Site
    plain: dict[str, keys.PlainKey] = field(default_factory=dict, repr=False)
    keys: dict[str, SiteApiKey] = field(default_factory=dict)
    written: dict[str, float] = field(default_factory=dict)

    @property
    def site_id(self) -> str:
        """The site's UUID as text, as in claims and filters."""
        return str(self.site.pk)

    def add_key(self, name: str) -> None:
        """Create another key of the site, and keep it under ``name``."""
        with acting(Origin.PROBE):
            self.keys[name], self.plain[name] = keys.create_key(self.site, name=f"{NAME}: {name}")

    def write(self, slug: str) -> None:
        """Record an update with this ``slug``, as a save of content does."""
        self.written[slug] = time.monotonic()
        update = LiveUpdateData(EventType.UPDATED, "spool-live-probe", uuid.uuid4(), slug=slug)
        broadcast_update(self.site, update)


@dataclass
class Deliverer:
    """The delivery of recorded updates, by waiting for the workers or in this process.

    ``using`` is the content database, ``timeout`` is in seconds. ``workers`` says whether to wait
    for workers first; ``workers_answered`` becomes false once they did not deliver in time.
    """

    using: str
    workers: bool
    timeout: float
    check: Callable[[], None] = lambda: None
    """Called regularly, at points where it may raise an interrupt."""
    workers_answered: bool = True

    def deliver(self, sites: list[ProbeSite]) -> bool:
        """Get everything that the sites have recorded delivered; return whether it was in time."""
        if (
            self.workers
            and self.workers_answered
            and self.wait_until(partial(self._arrived, sites))
        ):
            return True
        self.workers_answered = False
        deadline = time.monotonic() + self.timeout
        while not self._arrived(sites) and time.monotonic() < deadline:
            self.check()
            try:
                for probe in sites:
                    mirror.mirror_site(self.using, probe.site.pk, get_broadcaster())
            except BroadcastError:
                time.sleep(POLL)
            delivery.deliver_pending(self.using)
        return self._arrived(sites)

    def wait_until(self, condition: Callable[[], bool]) -> bool:
        """Wait until ``condition`` is true; return whether that was within the timeout."""
        deadline = time.monotonic() + self.timeout
        while time.monotonic() < deadline:
            self.check()
            if condition():
                return True
            time.sleep(POLL)
        return False

    def _arrived(self, sites: list[ProbeSite]) -> bool:
        ids = [probe.site.pk for probe in sites]
        behind = outbox.behind(self.using).filter(pk__in=ids)
        waiting = OutboxEntry.objects.using(self.using).filter(
            site_id__in=ids, state=OutboxEntry.State.PENDING
        )
        return not (behind.exists() or waiting.exists())


@contextmanager
def probe_sites(
    deliverer: Deliverer, progress: Callable[[str], None]
) -> Iterator[tuple[ProbeSite, ProbeSite]]:
    """Create two sites with the key ``own`` each, the first with a key ``leaving`` too.

    They are removed at the end of the block, also after an error.
    """
    remove_left_behind(deliverer.using)
    made: list[Site] = []
    try:
        made.append(Site.objects.using(deliverer.using).create(name=NAME, is_probe=True))
        made.append(Site.objects.using(deliverer.using).create(name=NAME, is_probe=True))
        one, other = (ProbeSite(site) for site in made)
        one.add_key("own")
        one.add_key("leaving")
        other.add_key("own")
        yield one, other
    finally:
        progress("cleaning up")
        for site in made:
            remove(site, deliverer.using)


def remove_left_behind(using: str) -> int:
    """Remove the probe sites of runs that were killed; return their number."""
    old = timezone.now() - LEFT_BEHIND
    left = Site.objects.using(using).filter(is_probe=True, created_at__lt=old)
    for site in left:
        remove(site, using)
    return len(left)


def remove(site: Site, using: str) -> None:
    """Remove a probe site with all that belongs to it, from every database that answers.

    The audit trail keeps the lines about its keys, marked as those of a probe.
    """
    site_id: Any = site.pk
    with acting(Origin.PROBE):
        site.delete()
    try:
        mirror.mirror_site(using, site_id, get_broadcaster())
    except BroadcastError:
        return  # the next sweep delivers the tombstone
    forget(site_id, using)


def forget(site_id: uuid.UUID, using: str) -> None:
    """Remove the rest of a deleted probe site, once Supabase has its tombstone."""
    outbox.forget_site(using, site_id)
    alias = live_settings().supabase_database
    if not is_supabase_database(alias):
        return
    try:
        with connections[alias].cursor() as cursor:
            cursor.execute("delete from spool_live.sites where site_id = %s", [site_id])
    except DatabaseError:
        return  # only the migrating role may remove the row, which is small: it stays
