"""A broadcaster that keeps everything in this process, for the tests of projects."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from django.utils import timezone

from spool_live.broadcasters.base import Broadcaster, CleanupAnswer, MirrorAnswer
from spool_live.exceptions import BroadcastError, BroadcastRefused, SequenceTaken, UnknownSite
from spool_live.updates import EventType, Update


class MemoryBroadcaster(Broadcaster):
    """A broadcaster that keeps updates in the class attribute ``updates``, under the rules of the
    real table.

    ``failures`` holds errors to be raised by the next calls, one each. ``reset`` empties all three
    attributes.
    """

    updates: ClassVar[list[Update]] = []
    sites: ClassVar[dict[str, dict[str, Any]]] = {}
    failures: ClassVar[list[BroadcastError]] = []
    _inserted: ClassVar[dict[uuid.UUID, datetime]] = {}

    @classmethod
    def reset(cls) -> None:
        """Forget updates, sites and failures."""
        cls.updates.clear()
        cls.sites.clear()
        cls.failures.clear()
        cls._inserted.clear()

    def broadcast(self, updates: Sequence[Update]) -> None:
        self._raise_failure()
        fresh = {u.id: u for u in reversed(updates) if u.id not in self._inserted}
        taken = {(update.site_id, update.seq) for update in self.updates}
        for update in reversed(fresh.values()):
            held = self.sites.get(str(update.site_id))
            if held is None or held["deleted"]:
                raise UnknownSite(f"site {update.site_id} is not mirrored")
            if update.event_type not in set(EventType):
                raise BroadcastRefused(f"{update.event_type!r} is not an event type")
            if (update.site_id, update.seq) in taken:
                raise SequenceTaken(f"seq {update.seq} of site {update.site_id} is taken")
            taken.add((update.site_id, update.seq))
        self.updates.extend(reversed(fresh.values()))
        self._inserted.update(dict.fromkeys(fresh, timezone.now()))

    def mirror(self, site: Mapping[str, Any]) -> MirrorAnswer:
        self._raise_failure()
        held = self.sites.get(site["site_id"])
        applied = held is None or not (
            held["version"] > site["version"]
            or held["epoch"] > site["epoch"]
            or (held["deleted"] and not site["deleted"])
        )
        if applied:
            held = self.sites[site["site_id"]] = dict(site)
        assert held is not None  # noqa: S101 - for the type checker: if not applied, a site is held
        return MirrorAnswer(held["version"], held["epoch"], held["deleted"], applied)

    def cleanup(self, before: datetime, max_rows: int) -> CleanupAnswer:
        self._raise_failure()
        old = [update for update in self.updates if self._inserted[update.id] < before][:max_rows]
        for update in old:
            self.updates.remove(update)
        return CleanupAnswer(len(old), busy=False, publishes_deletes=False)

    def newest_seqs(self, site_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, int]:
        self._raise_failure()
        wanted = set(site_ids)
        newest: dict[uuid.UUID, int] = {}
        for update in self.updates:
            if update.site_id in wanted:
                newest[update.site_id] = max(update.seq, newest.get(update.site_id, 0))
        return newest

    def _raise_failure(self) -> None:
        if self.failures:
            raise self.failures.pop(0)
