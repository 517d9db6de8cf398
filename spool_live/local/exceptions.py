"""What can go wrong with a local Supabase, all of it for a person to put right::

    LocalSupabaseError
    ├── PostgresNotFoundError   no PostgreSQL programs on this machine
    ├── PostgresError           PostgreSQL could not be started
    ├── DatabaseDiedError       PostgreSQL ended although nobody stopped it
    ├── PortInUseError          somebody else listens on the API's port
    └── StateError              the state folder holds something unreadable

Every message names the cause and the remedy.
"""

from __future__ import annotations


class LocalSupabaseError(RuntimeError):
    """The local Supabase cannot run."""


class PostgresNotFoundError(LocalSupabaseError):
    """No usable PostgreSQL programs."""


class PostgresError(LocalSupabaseError):
    """PostgreSQL could not be started."""


class DatabaseDiedError(LocalSupabaseError):
    """The PostgreSQL process ended although nobody stopped it."""


class PortInUseError(LocalSupabaseError):
    """Somebody else listens on the port of the API."""


class StateError(LocalSupabaseError):
    """The state folder holds something unreadable."""
