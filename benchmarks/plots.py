"""The plots of the report. A plot whose figures were not measured is left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from benchmarks.figures import Figure
from benchmarks.results import Results
from benchmarks.svg import Mark, Row, bars, courses, dots

_CROWDS = ("1 subscriber", "50 subscribers", "1000 subscribers", "3000 subscribers")
Figures = dict[str, Figure]


@dataclass(frozen=True)
class Plot:
    """A plot: its file name, its description in words, and its SVG."""

    file: str
    alt: str
    svg: str


def draw(results: Results) -> list[Plot]:
    """Return all plots that these results have figures for."""
    figures = {figure.name: figure for figure in results.figures if figure.measured is not None}
    drawn: list[Plot] = []
    for name, alt, rows_of, picture in _PLOTS:
        if rows := list(rows_of(figures)):
            drawn.append(Plot(f"{name}.svg", alt, picture(rows)))
    if course := results.series.get("cleanup"):
        lines = [
            (label, "ours" if label == "ours" else "peer", points)
            for label, points in course.items()
        ]
        svg = courses(
            "Latency while expired rows are removed",
            "worst of 100 subscribers, each edit; commit to callback, logarithmic",
            lines,
            unit="ms",
        )
        drawn.append(Plot("cleanup-latency.svg", "Latency during cleanup over time", svg))
    return drawn


def _saves(figures: Figures) -> Iterator[Row]:
    ours = figures.get("G1 save in a transaction")
    if ours is None:
        return
    yield Row("spool_live", [_mark(ours, "ours", "x"), Mark(ours.goal or 1, "goal")])
    tracked = figures.get("G1 with slug and publish state")
    if tracked is not None:
        yield Row("spool_live, slug and state", [_mark(tracked, "light", "x")])
    peers = [figure for name, figure in figures.items() if name.startswith("save, ")]
    for peer in sorted(peers, key=_measured):
        yield Row(peer.name.removeprefix("save, "), [_mark(peer, "peer", "x")])


def _crowds(figures: Figures) -> Iterator[Row]:
    for crowd in _CROWDS:
        half = figures.get(f"G10 commit to callback, {crowd}, p50")
        most = figures.get(f"commit to callback, {crowd}, p95")
        if half is None or most is None:
            continue
        marks = [_mark(half, "ours", "ms"), Mark(_measured(most), "light")]
        if half.peer_measured is not None:
            marks.append(Mark(half.peer_measured, "peer"))
        if half.goal is not None:
            marks.append(Mark(half.goal, "goal"))
        yield Row(crowd, marks)


def _rates(figures: Figures) -> Iterator[Row]:
    ours = figures.get("G5 updates delivered")
    if ours is None:
        return
    yield Row("spool_live", [_mark(ours, "ours", "/s"), Mark(ours.goal or 1, "goal")])
    distant = figures.get("G5 at 20 ms round trip")
    if distant is not None:
        marks = [_mark(distant, "ours", "/s"), Mark(distant.goal or 1, "goal")]
        yield Row("spool_live, 20 ms away", marks)
    local = figures.get("inserts through the local Supabase")
    if local is not None:
        yield Row("spool_live, local Supabase", [_mark(local, "light", "/s")])
    peer = ours.peer_measured
    if peer is not None:
        yield Row(ours.peer, [Mark(peer, "peer", f"{peer:,.0f} /s")])
    for name, label in (("limit: COPY out of the outbox", "COPY out of the outbox"),):
        if limit := figures.get(name):
            yield Row(label, [_mark(limit, "peer", "/s")])


def _mark(figure: Figure, kind: str, unit: str) -> Mark:
    value = _measured(figure)
    digits = f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
    return Mark(value, kind, f"{digits} {unit}")


def _measured(figure: Figure) -> float:
    """Return the value of a figure that was measured, as all that are drawn are."""
    assert figure.measured is not None
    return figure.measured


_PLOTS: tuple[
    tuple[str, str, Callable[[Figures], Iterator[Row]], Callable[[list[Row]], str]], ...
] = (
    (
        "save-overhead",
        "What a save costs, beside the peers",
        _saves,
        lambda rows: bars(
            "What a save costs",
            "times the same save that nobody hears of, logarithmic; the tick is the goal",
            rows,
            unit="x",
            start=1,
        ),
    ),
    (
        "latency-subscribers",
        "Commit to callback by number of subscribers",
        _crowds,
        lambda rows: dots(
            "From commit to callback, local Supabase",
            "strong: p50, pale: p95, grey: Realtime's own leg; the tick is the goal for p50",
            rows,
            unit="ms",
            start=1,
        ),
    ),
    (
        "delivery-rate",
        "Updates delivered a second",
        _rates,
        lambda rows: bars(
            "Updates of 1.4 kB delivered a second",
            "logarithmic; the tick is the goal",
            rows,
            unit="/s",
            start=10,
        ),
    ),
)
