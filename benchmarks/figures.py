"""The results of a benchmark: figures, with the goals that they are compared with."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import isfinite
from pathlib import Path
from statistics import median
from typing import Any

NOT_MEASURED = "not measured"


@dataclass(frozen=True)
class Sample:
    """A measurement: ``value``, or ``None`` and ``why`` if it was not measured; ``spread`` is the
    lowest and the highest of its rounds."""

    value: float | None
    spread: tuple[float, float] | None = None
    why: str = ""


@dataclass(frozen=True)
class Figure:
    """One measured value. ``goal`` is the highest allowed value, or with ``more_is_better`` the
    lowest; ``peer_value`` is the value of another package, in the same unit and run.

    An impossible value (none, not a number, below zero unless ``signed``) counts as not measured
    and meets no goal. ``why`` says what was wrong with it.
    """

    name: str
    value: float | Sample | None
    unit: str
    goal: float | None = None
    peer: str = ""
    peer_value: float | Sample | None = None
    more_is_better: bool = False
    signed: bool = False
    spread: tuple[float, float] | None = None
    why: str = ""

    def __post_init__(self) -> None:
        set_field = partial(object.__setattr__, self)
        if isinstance(self.value, Sample):
            set_field("spread", self.value.spread)
            set_field("why", self.value.why)
            set_field("value", self.value.value)
        if isinstance(self.peer_value, Sample):
            set_field("peer_value", self.peer_value.value)
        if self.value is not None and not _possible(self.value, signed=self.signed):
            set_field("why", f"{self.value:g} {self.unit} cannot be")
            set_field("value", None)
            set_field("spread", None)

    @property
    def measured(self) -> float | None:
        """The value as a plain number."""
        assert not isinstance(self.value, Sample)
        return self.value

    @property
    def peer_measured(self) -> float | None:
        """The peer's value as a plain number."""
        assert not isinstance(self.peer_value, Sample)
        return self.peer_value

    @property
    def ratio(self) -> float | None:
        """The value divided by the peer's."""
        value, peer = self.measured, self.peer_measured
        return value / peer if value is not None and peer else None

    @property
    def met(self) -> bool | None:
        """Whether the goal is met: false for an unmeasured value, ``None`` without a goal."""
        value = self.measured
        if self.goal is None:
            return None
        if value is None:
            return False
        return value >= self.goal if self.more_is_better else value <= self.goal

    def as_json(self) -> dict[str, Any]:
        """``{name, value, unit, spread, peer, peer_value, ratio, goal, met, why}``: ``value`` is
        ``null`` where it was not measured, and ``why`` says why."""
        shown = replace(self, value=_rounded(self.value), peer_value=_rounded(self.peer_value))
        return {
            "name": shown.name,
            "value": shown.value,
            "unit": shown.unit,
            "spread": [_rounded(end) for end in shown.spread] if shown.spread else None,
            "peer": shown.peer,
            "peer_value": shown.peer_value,
            "ratio": _rounded(shown.ratio),
            "goal": shown.goal,
            "met": shown.met,
            "why": shown.why,
        }

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> Figure:
        """Return the figure that ``as_json`` has written, as far as its digits go. ``met`` shows
        whether more is better."""
        value, goal = row["value"], row["goal"]
        more = None not in (goal, value) and (value > goal if row["met"] else value < goal)
        spread = tuple(row["spread"]) if row["spread"] else None
        return cls(
            row["name"],
            value,
            row["unit"],
            goal,
            row["peer"],
            row["peer_value"],
            more,
            signed=value is not None and value < 0,
            spread=spread,
            why=row["why"],
        )


def over_rounds(values: Sequence[float]) -> Sample:
    """Return the median of several rounds, with the lowest and the highest."""
    if not values:
        return Sample(None, why="no round ended")
    return Sample(median(values), (min(values), max(values)))


def ratio_over_rounds(ours: Sequence[float], base: Sequence[float]) -> Sample:
    """Return the median of the ratios within each round, as a machine's speed varies between
    rounds."""
    return over_rounds([one / other for one, other in zip(ours, base, strict=True)])


def percentiles(values: Sequence[float], *shares: float, expected: int) -> list[Sample]:
    """Return the quantiles of ``values`` for each of ``shares`` (0 to 1). They count as not
    measured if there are not ``expected`` values, or if one of them is impossible."""
    if len(values) != expected:
        return [Sample(None, why=f"{len(values)} of {expected} were seen")] * len(shares)
    if impossible := [value for value in values if not _possible(value)]:
        why = f"{len(impossible)} of {expected} cannot be, as {impossible[0]:g}"
        return [Sample(None, why=why)] * len(shares)
    return [Sample(percentile(values, share)) for share in shares]


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that ``share`` (0 to 1) of ``values`` do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _possible(value: Any, *, signed: bool = False) -> bool:
    return isinstance(value, int | float) and isfinite(value) and (signed or value >= 0)


def resident_megabytes() -> float:
    """Return the resident memory of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


Suite = Callable[[Any], list[Figure]]


def _rounded(value: Any) -> Any:
    return float(f"{value:.4g}") if isinstance(value, float) else value
