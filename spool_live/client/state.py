"""What the connection is doing, as a frozen value that can be watched."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

logger = logging.getLogger("spool_live.client")


class Phase(StrEnum):
    """Where on the road `token -> connect -> join -> catch up -> live` we are."""

    IDLE = "idle"
    CONNECTING = "connecting"
    JOINED = "joined"
    LIVE = "live"
    DELAYED = "delayed"
    """Joined, but the log has updates that the socket does not bring; they come from the log."""
    BACKING_OFF = "backing off"
    STOPPED = "stopped"
    REVOKED = "revoked"
    """Stopped: the CMS does not accept the key any more, which it did before."""

    @property
    def ended(self) -> bool:
        """Whether nothing will come any more."""
        return self in {Phase.STOPPED, Phase.REVOKED}


class LogSource(StrEnum):
    """Where the last catch-up came from."""

    NONE = "none"
    CMS = "cms"
    POSTGREST = "postgrest"


@dataclass(frozen=True, slots=True)
class ConnectionState:
    """A snapshot.

    `connected`: the socket is joined, caught up, and brings what the log has.
    `last_update`: ISO time of the newest update.
    `error`: what is wrong right now and what to do, or None. While `connected` is False, updates
    still come by polling as long as `log` is not "none".
    """

    connected: bool = False
    site_id: str = ""
    last_update: str | None = None
    reconnect_attempts: int = 0
    error: str | None = None
    phase: Phase = Phase.IDLE
    log: LogSource = LogSource.NONE


StateCallback = Callable[[ConnectionState], None]


class StateHolder:
    """The current state; tells its watchers whenever it changes."""

    def __init__(self, site_id: str) -> None:
        self.current = ConnectionState(site_id=site_id)
        self._watchers: list[StateCallback] = []

    def watch(self, callback: StateCallback) -> None:
        """Call back on every change. What the callback raises is logged."""
        self._watchers.append(callback)

    def unwatch(self, callback: StateCallback) -> None:
        """Call back no more."""
        if callback in self._watchers:
            self._watchers.remove(callback)

    def update(self, **changes: Any) -> None:
        """Change some fields. `connected` follows from `phase`."""
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
