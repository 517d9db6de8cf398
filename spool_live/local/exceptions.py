"""The errors of a local Supabase; each of them needs a person to fix it::

    LocalSupabaseError
    ├── PostgresNotFoundError   no PostgreSQL programs on this machine
    ├── PostgresError           PostgreSQL could not be started
    ├── DatabaseDiedError       PostgreSQL ended unexpectedly
    ├── PortInUseError          another program listens on the API's port
    └── StateError              a file in the state folder cannot be read

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
    """The PostgreSQL process ended unexpectedly."""


class PortInUseError(LocalSupabaseError):
    """Another program listens on the port of the API."""


class StateError(LocalSupabaseError):
    """A file in the state folder cannot be read."""
