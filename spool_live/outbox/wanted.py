"""Sites that a request waits for, because Supabase does not know a key of theirs yet.

They are mirrored next, together with sites where a key lost its right, so that a new key need not
wait for thousands of changed sites. A background thread writes them down, because the request must
not wait for the transaction of an editor.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from django.db import router

from spool_live.deferred import DeferredWrites
from spool_live.models import SiteMirror
from spool_live.outbox.site_state import hasten


def want(site_id: uuid.UUID) -> None:
    """Note that a request waits for a site to be mirrored. Returns at once and never raises."""
    wishes.add(site_id, True)


def _write(batch: Mapping[uuid.UUID, bool]) -> None:
    hasten(router.db_for_write(SiteMirror), batch)


wishes: DeferredWrites[uuid.UUID, bool] = DeferredWrites(_write, lambda held, more: held or more)
"""The sites that are noted but not written yet. If some are lost, the next request notes them."""
