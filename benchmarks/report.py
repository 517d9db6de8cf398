"""The table for the terminal, and the page ``docs/explanation/benchmarks.md``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.figures import NOT_MEASURED, Figure
from benchmarks.goals import NOTES, note_of
from benchmarks.plots import draw
from benchmarks.results import Results

_MET = {True: "yes", False: "**no**", None: ""}
_PAGE = (Path(__file__).parent / "page.md").read_text()
QUIET = 1.0
"""The highest load average at the start of a run that counts as alone on its machine."""
PAGE, IMAGES = Path("explanation/benchmarks.md"), Path("images")


def as_table(figures: Sequence[Figure]) -> str:
    """Return the figures as a Markdown table."""
    heads = ("figure", "value", "goal", "met", "peer")
    return _table(heads, [_cells(figure) for figure in figures])


def write_report(results: Results, docs: Path) -> None:
    """Write the page and its plots below ``docs``."""
    (docs / PAGE).parent.mkdir(parents=True, exist_ok=True)
    (docs / IMAGES).mkdir(parents=True, exist_ok=True)
    plots = draw(results)
    for plot in plots:
        (docs / IMAGES / plot.file).write_text(plot.svg)
    shown = [f"![{plot.alt}](../{IMAGES / plot.file})" for plot in plots]
    (docs / PAGE).write_text(as_page(results, "\n\n".join(shown)))


def as_page(results: Results, plots: str = "") -> str:
    """Return the page as Markdown; ``plots`` is inserted in the place of the pictures."""
    goals = sorted((f for f in results.figures if f.met is not None), key=_goal_number)
    missed = [figure for figure in goals if not figure.met]
    return _PAGE.format(
        facts=", ".join(f"{name} {value}" for name, value in results.facts.items()),
        caution=_caution(results.facts),
        reached=len(goals) - len(missed),
        goals=len(goals),
        missed="\n".join(_reason(figure) for figure in missed) or "None was.",
        goal_table=_table(
            ("figure", "value", "goal", "met", "peer in this run", "limit, apart"),
            [(*_cells(figure), note_of(figure.name).limit) for figure in goals],
        ),
        peers_table=_table(
            ("goal", "peers, measured apart"),
            [(start.split()[0], note.peers) for start, note in NOTES.items() if note.peers],
        ),
        other_table=_table(
            ("figure", "value", "peer in this run"),
            [
                (figure.name, _value(figure), _peer(figure))
                for figure in results.figures
                if figure.met is None
            ],
        ),
        plots=plots,
    )


def _caution(facts: dict[str, str]) -> str:
    """Return a warning about a run that was short, or not alone on its machine."""
    short = float(facts.get("scale", 1)) < 1
    crowded = float(facts.get("load average at the start", 0)) > QUIET
    if not short and not crowded:
        return ""
    reason = " and ".join(["it was a short one"] * short + ["the machine was busy"] * crowded)
    return f" **Take it with care: {reason}.**"


def _reason(figure: Figure) -> str:
    if figure.measured is None:
        return f"- **{figure.name}**: {NOT_MEASURED}, {figure.why or 'for no known reason'}."
    why = note_of(figure.name).why or "No reason is known yet."
    return f"- **{figure.name}**: {_value(figure)} where {_goal(figure)} is the goal. {why}"


def _cells(figure: Figure) -> tuple[str, ...]:
    met = NOT_MEASURED if figure.measured is None and figure.goal else _MET[figure.met]
    return (figure.name, _value(figure), _goal(figure), met, _peer(figure))


def _goal_number(figure: Figure) -> int:
    """Return a sort key: G2 comes before G10, and figures without a number come last."""
    number = figure.name.split()[0].removeprefix("G")
    return int(number) if number.isdigit() else 99


def _value(figure: Figure) -> str:
    if figure.measured is None:
        return NOT_MEASURED
    text = f"{_number(figure.measured)} {figure.unit}"
    if figure.spread is None:
        return text
    low, high = figure.spread
    return f"{text} ({_number(low)} to {_number(high)})"


def _goal(figure: Figure) -> str:
    sign = ">=" if figure.more_is_better else "<="
    return "" if figure.goal is None else f"{sign} {_number(figure.goal)}"


def _peer(figure: Figure) -> str:
    if not isinstance(figure.peer_value, int | float):
        return ""
    return f"{figure.peer}: {_number(figure.peer_value)}"


def _number(value: float) -> str:
    """Return a value with three significant digits, the precision of a run."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---" for _ in heads], *rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(heads))]
    return "\n".join(
        "| " + " | ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)) + " |"
        for line in lines
    )
