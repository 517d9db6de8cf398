"""What can be seen of Realtime where the Supabase database is an alias of ours."""

from __future__ import annotations

from contextlib import suppress

from django.db import DatabaseError

from spool_live.conf import live_settings
from spool_live.supabase import provisioning
from spool_live.supabase.databases import is_supabase_database


def lacks_partition() -> bool:
    """Whether Realtime has nowhere to store today's messages, where that matters and can be seen.

    No failure: nobody was connected, and a client that connects mends it.
    """
    settings = live_settings()
    alias = settings.supabase_database
    if settings.realtime_mode != "broadcast" or not is_supabase_database(alias):
        return False
    with suppress(DatabaseError):  # that alias need not be reachable from here
        return provisioning.lacks_partition(alias)
    return False
