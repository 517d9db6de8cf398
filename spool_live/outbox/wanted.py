"""Sites that a caller waits for: Supabase does not know a key of theirs yet.

They go next, with those where a right was lost, so that a new key amid thousands of changed sites
waits for none of them. Written by a thread, as the one who asks must wait for no editor.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from django.db import router

from spool_live.deferred import DeferredWrites
from spool_live.models import SiteMirror
from spool_live.outbox.site_state import hasten


def want(site_id: uuid.UUID) -> None:
    """Take note that somebody waits for a site to be mirrored; return at once, never raises."""
    wishes.add(site_id, True)


def _write(batch: Mapping[uuid.UUID, bool]) -> None:
    hasten(router.db_for_write(SiteMirror), batch)


wishes: DeferredWrites[uuid.UUID, bool] = DeferredWrites(_write, lambda held, more: held or more)
"""What is lost of these is made up for by the next request."""
