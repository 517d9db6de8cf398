"""Is the socket that looks alive alive? Told by comparing what it brings with the log; no I/O."""

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

    The log may be ahead for a good reason (Supabase away, an entry it refused), so every useless
    remedy doubles the patience, up to `patience_maximum`; anything heard restores it.
    """

    def __init__(self, timing: Timing) -> None:
        self._timing = timing
        self._patience = timing.suspicion
        self._heard = -1
        self._deadline: float | None = None
        self._kicked = False

    @property
    def suspicious(self) -> bool:
        """Whether to look more often."""
        return self._deadline is not None or self._kicked

    def joined(self) -> None:
        """A new socket deserves a new judgement."""
        self._deadline = None
        self._kicked = False

    def heard(self, seq: int) -> None:
        """The socket brought this one."""
        self._heard = max(self._heard, seq)
        self._deadline = None
        self._kicked = False
        self._patience = self._timing.suspicion

    def found(self, seq: int, now: float) -> None:
        """The log has this one, recorded while the socket was live."""
        if seq > self._heard and self._deadline is None:
            self._deadline = now + self._patience

    def verdict(self, now: float) -> Verdict:
        """What to do now; a remedy is asked for once per suspicion."""
        if self._deadline is None or now < self._deadline:
            return Verdict.WELL
        self._deadline = None
        self._patience = min(self._patience * 2, self._timing.patience_maximum)
        if self._kicked:
            return Verdict.REBUILD
        self._kicked = True
        return Verdict.KICK
