"""Options of the realtime half that a test may change."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RealtimeOptions:
    """Times in seconds, and limits. The defaults are the real server's, unless noted."""

    idle_timeout: float = 60.0
    """How long a socket may send nothing before it is closed with 1000."""
    channelless_sweep: float = 600.0
    """Time between two searches for sockets without a channel, which are ended."""
    publication_check: float = 5.0
    """Time between two checks for changed publications (60 on the real server): a recreated table
    delivers nothing before the next one."""
    partition_check: float = 3600.0
    """Time between two runs that create the next day partitions of ``realtime.messages``."""
    long_absence: float = 60.0
    """How long PostgreSQL must have been unreachable for ``postgres_changes`` to stay dead, too, if
    the configuration has ``sleeps_after_restart``."""
    max_channels_per_socket: int = 100
    max_record_bytes: int = 1024 * 1024
    """Rows larger than this are sent as ``Error 413`` with their small columns only."""
    max_broadcast_bytes: int = 3_000_500
    socket_queue: int = 5_000
    """How many frames may wait for a slow socket before it is closed with 1013 (not a limit of the
    real server)."""
    tenant: str | None = None
    """The first label that the ``Host`` header must have, as on the hosted service; None accepts
    every host."""
