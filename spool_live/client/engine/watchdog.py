"""Detect a dead socket by comparing what it brings with what the log has; no I/O."""

from __future__ import annotations

from enum import Enum, auto

from spool_live.client.policy import Timing


class Verdict(Enum):
    """What to do about the socket."""

    HEALTHY = auto()
    RENEW_TOKEN = auto()  # a different token revives a subscription after a database restart
    RECONNECT = auto()


class Watchdog:
    """Detector of a socket that does not bring updates which the log already has.

    After ``suspicion`` seconds the socket counts as late. After the patience, which is as long at
    first, a remedy is due. The log may be ahead for another reason (Supabase is unavailable, or
    refused an entry), so every remedy without effect doubles the patience, up to
    ``patience_maximum``; any update that the socket brings resets it.
    """

    def __init__(self, timing: Timing) -> None:
        self._timing = timing
        self._patience = timing.suspicion
        self._received = -1
        self._found_at: float | None = None
        self._deadline: float | None = None
        self._token_renewed = False
        self.suspicious = False
        """Whether to read the log more often, because the socket is suspected to be dead."""

    def joined(self) -> None:
        """Forget what is known about the previous socket: a new one has joined."""
        self._found_at = self._deadline = None
        self._token_renewed = False

    def received(self, seq: int) -> None:
        """Note that the socket brought this update."""
        self._received = max(self._received, seq)
        self.joined()
        self.suspicious = False
        self._patience = self._timing.suspicion

    def found(self, seq: int, now: float) -> None:
        """Note that the log has this update, which was recorded while the socket was joined."""
        if seq <= self._received:
            return
        self.suspicious = True
        if self._found_at is None:
            self._found_at = now
        if self._deadline is None:
            self._deadline = now + self._patience

    def late(self, now: float) -> bool:
        """Return whether the socket lags behind the log by more than ``suspicion`` seconds."""
        return self._found_at is not None and now >= self._found_at + self._timing.suspicion

    def verdict(self, now: float) -> Verdict:
        """Return what to do now: each remedy once, the stronger one if the first did not help in
        time."""
        if self._deadline is None or now < self._deadline:
            return Verdict.HEALTHY
        self._patience = min(self._patience * 2, self._timing.patience_maximum)
        if self._token_renewed:
            self._deadline = None
            return Verdict.RECONNECT
        self._token_renewed = True
        self._deadline = now + self._patience
        return Verdict.RENEW_TOKEN
