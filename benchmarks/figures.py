"""What a benchmark yields: figures, and the goals they are held against."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any


@dataclass(frozen=True)
class Figure:
    """One measured value. ``goal`` is the most that is allowed, or with ``more_is_better`` the
    least; ``peer_value`` what somebody else needs for the same, in the same unit and run."""

    name: str
    value: float
    unit: str
    goal: float | None = None
    peer: str = ""
    peer_value: float | None = None
    more_is_better: bool = False

    @property
    def ratio(self) -> float | None:
        """Our value over the peer's."""
        return self.value / self.peer_value if self.peer_value else None

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; ``None`` without one."""
        if self.goal is None:
            return None
        return self.value >= self.goal if self.more_is_better else self.value <= self.goal

    def as_json(self) -> dict[str, Any]:
        """``{name, value, unit, peer, peer_value, ratio, goal, met}``."""
        shown = replace(self, value=_rounded(self.value), peer_value=_rounded(self.peer_value))
        row = {**asdict(shown), "ratio": _rounded(shown.ratio), "met": shown.met}
        names = ("name", "value", "unit", "peer", "peer_value", "ratio", "goal", "met")
        return {name: row[name] for name in names}

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> Figure:
        """What :meth:`as_json` gave, up to its digits. Which way is better shows in ``met``."""
        value, goal = row["value"], row["goal"]
        more = goal is not None and (value > goal if row["met"] else value < goal)
        return cls(row["name"], value, row["unit"], goal, row["peer"], row["peer_value"], more)


def median_ratio(ours: list[float], base: list[float]) -> float:
    """The median over rounds of the ratio inside a round: machines drift, rounds less so."""
    return median(one / other for one, other in zip(ours, base, strict=True))


def percentile(values: list[float], share: float) -> float:
    """The value that ``share`` (0 to 1) of ``values`` do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def resident_megabytes() -> float:
    """What this process occupies of the machine's memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


Suite = Callable[[Any], list[Figure]]


def _rounded(value: Any) -> Any:
    return float(f"{value:.4g}") if isinstance(value, float) else value
