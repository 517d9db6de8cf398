"""Rates, and how long a client waits after failed attempts. No I/O."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta

from spool_live.exceptions import SpoolLiveConfigurationError

_SECONDS = {"s": 1, "sec": 1, "min": 60, "h": 3600, "hour": 3600, "day": 86400}
_FORM = re.compile(r"(\d+)/(s|sec|min|h|hour|day)")


@dataclass(frozen=True, slots=True)
class Rate:
    """At most ``limit`` requests in each window of ``seconds``."""

    limit: int
    seconds: int

    @classmethod
    def parse(cls, text: str) -> Rate | None:
        """Return the rate of a text such as ``600/min`` (or per ``s``, ``h``, ``day``).

        An empty text means no limit and gives ``None``. Raises ``SpoolLiveConfigurationError`` for
        anything else.
        """
        if not text:
            return None
        form = _FORM.fullmatch(text)
        if form is None or int(form[1]) < 1:
            raise SpoolLiveConfigurationError(
                f"{text!r} is not a rate: write '600/min' (s, min, h or day), or '' for no limit."
            )
        return cls(int(form[1]), _SECONDS[form[2]])

    def window(self, now: float) -> int:
        """Return the number of the window that contains ``now`` (seconds since the epoch)."""
        return int(now // self.seconds)

    def wait(self, now: float) -> float:
        """Return the seconds until the next window."""
        return self.seconds - now % self.seconds


def penalty(failures: int, *, allowance: int, longest: timedelta) -> float:
    """Return the seconds to wait after so many failures: 0 up to ``allowance``, then 1, 2, 4, ...
    up to ``longest``."""
    beyond = failures - allowance
    return min(2.0 ** min(beyond - 1, 30), longest.total_seconds()) if beyond > 0 else 0.0
