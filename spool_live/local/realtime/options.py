"""What a test or a developer may want different about the realtime half."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RealtimeOptions:
    """Times in seconds and limits; the defaults are the real server's unless said otherwise."""

    idle_timeout: float = 60.0
    """A socket that sends nothing for so long is closed with 1000."""
    channelless_sweep: float = 600.0
    """How often sockets without any channel are cut off."""
    publication_check: float = 5.0
    """How often changed publications are looked for (really 60): until then, a recreated table
    sends nothing."""
    partition_check: float = 3600.0
    """How often the day partitions of ``realtime.messages`` are made ahead."""
    long_absence: float = 60.0
    """How long PostgreSQL must have been away for ``postgres_changes`` to stay dead, too, where
    the configuration has ``sleeps_after_restart``."""
    max_channels_per_socket: int = 100
    max_record_bytes: int = 1024 * 1024
    """Rows larger than this are sent as ``Error 413`` with their small columns only."""
    max_broadcast_bytes: int = 3_000_500
    socket_queue: int = 5_000
    """Frames that may wait for a slow socket before it is closed with 1013 (our own limit)."""
    tenant: str | None = None
    """Name that the first label of the ``Host`` header must be, as on the hosted service; None
    accepts every host."""
