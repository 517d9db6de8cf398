"""Whether Supabase takes what is sent, from real attempts: nothing here asks it."""

from __future__ import annotations

from contextlib import suppress

from django.db import DatabaseError

from spool_live.conf import live_settings
from spool_live.models import DeliveryCircuit
from spool_live.outbox import circuit
from spool_live.supabase import provisioning
from spool_live.supabase.databases import content_databases, is_supabase_database


def outages() -> list[DeliveryCircuit]:
    """The present outages, at most one for each content database."""
    return [found for using in content_databases() if (found := circuit.outage(using))]


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
