"""The state of the connection, as a frozen value that can be watched."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

logger = logging.getLogger("spool_live.client")


class Phase(StrEnum):
    """How far the connection has come: token, socket, join, catch-up, live."""

    IDLE = "idle"
    """Not connected yet."""
    CONNECTING = "connecting"
    """Fetching a token, opening the socket or joining."""
    JOINED = "joined"
    """Joined, and catching up on what happened before."""
    LIVE = "live"
    """Joined and caught up; the socket brings what the log has."""
    DELAYED = "delayed"
    """Joined, but the log has updates that the socket does not bring; they come from the log."""
    BACKING_OFF = "backing off"
    """Waiting before the next attempt; updates come by polling."""
    STOPPED = "stopped"
    """Ended; ``ConnectionState.error`` says why, unless ``disconnect`` was called."""
    REVOKED = "revoked"
    """Ended: the CMS accepted the key before, and does not accept it any more."""

    @property
    def ended(self) -> bool:
        """Whether the client has ended, so that no further update will arrive."""
        return self in {Phase.STOPPED, Phase.REVOKED}


class LogSource(StrEnum):
    """Where the last catch-up was read."""

    NONE = "none"
    """Nowhere: there was none, or the last one failed."""
    CMS = "cms"
    """From ``GET updates/`` of the CMS."""
    POSTGREST = "postgrest"
    """From Supabase's table, which has the last hour, because the CMS did not answer."""


@dataclass(frozen=True, slots=True)
class ConnectionState:
    """The state of a connection at one moment. Immutable."""

    connected: bool = False
    """Whether the socket is joined and caught up, and brings what the log has. While it is not,
    updates still come by polling as long as ``log`` is not ``"none"``."""
    site_id: str = ""
    """The site's UUID."""
    last_update: str | None = None
    """ISO 8601 time of the newest update, or ``None``."""
    reconnect_attempts: int = 0
    """How many attempts to reconnect have failed since the connection was last stable."""
    error: str | None = None
    """What is wrong right now, with the remedy, or ``None``."""
    phase: Phase = Phase.IDLE
    """How far the connection has come."""
    log: LogSource = LogSource.NONE
    """Where the last catch-up was read."""


StateCallback = Callable[[ConnectionState], None]


class StateHolder:
    """The current state, which notifies its watchers of every change."""

    def __init__(self, site_id: str) -> None:
        self.current = ConnectionState(site_id=site_id)
        self._watchers: list[StateCallback] = []

    def watch(self, callback: StateCallback) -> None:
        """Call ``callback`` with the new state on every change. Its exceptions are logged."""
        self._watchers.append(callback)

    def unwatch(self, callback: StateCallback) -> None:
        """Stop calling ``callback``."""
        if callback in self._watchers:
            self._watchers.remove(callback)

    def update(self, **changes: Any) -> None:
        """Change some fields. ``connected`` follows from ``phase``."""
        state = replace(self.current, **changes)
        state = replace(state, connected=state.phase is Phase.LIVE)
        if state == self.current:
            return
        self.current = state
        for callback in tuple(self._watchers):
            try:
                callback(state)
            except Exception:
                logger.exception("A watcher of the connection's state failed")
