"""Detect a socket that only looks alive: compare what it brings with what the log has; no I/O."""

from __future__ import annotations

from enum import Enum, auto

from spool_live.client.policy import Timing


class Verdict(Enum):
    """What to do about the socket."""

    WELL = auto()
    KICK = auto()  # a different token wakes a subscription that died with its database
    REBUILD = auto()


class Watchdog:
    """Suspects a socket that stays silent about updates which the log already has.

    After ``suspicion`` seconds the socket is late; after the patience, which is as long at first, a
    remedy is due. The log may be ahead for a good reason (Supabase away, an entry it refused), so
    every useless remedy doubles the patience, up to ``patience_maximum``; any update that it brings
    restores it.
    """

    def __init__(self, timing: Timing) -> None:
        self._timing = timing
        self._patience = timing.suspicion
        self._received = -1
        self._found_at: float | None = None
        self._deadline: float | None = None
        self._kicked = False
        self.suspicious = False
        """Whether to look more often: since a suspicion, nothing proved that the socket lives."""

    def joined(self) -> None:
        """Begin anew: a new socket deserves a new judgement."""
        self._found_at = self._deadline = None
        self._kicked = False

    def received(self, seq: int) -> None:
        """Note that the socket brought this update."""
        self._received = max(self._received, seq)
        self.joined()
        self.suspicious = False
        self._patience = self._timing.suspicion

    def found(self, seq: int, now: float) -> None:
        """Note that the log has this update, recorded while the socket was joined."""
        if seq <= self._received:
            return
        self.suspicious = True
        if self._found_at is None:
            self._found_at = now
        if self._deadline is None:
            self._deadline = now + self._patience

    def late(self, now: float) -> bool:
        """Return whether the socket is later than the log by more than the usual."""
        return self._found_at is not None and now >= self._found_at + self._timing.suspicion

    def verdict(self, now: float) -> Verdict:
        """Return what to do now: each remedy once, the stronger one if the first did not help in
        time."""
        if self._deadline is None or now < self._deadline:
            return Verdict.WELL
        self._patience = min(self._patience * 2, self._timing.patience_maximum)
        if self._kicked:
            self._deadline = None
            return Verdict.REBUILD
        self._kicked = True
        self._deadline = now + self._patience
        return Verdict.KICK
