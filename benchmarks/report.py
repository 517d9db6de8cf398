"""The table for the terminal, and the page ``docs/explanation/benchmarks.md``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.figures import Figure
from benchmarks.goals import note_of
from benchmarks.plots import draw
from benchmarks.results import Results

_MET = {True: "yes", False: "**no**", None: ""}
_PAGE = (Path(__file__).parent / "page.md").read_text()
PAGE, IMAGES = Path("explanation/benchmarks.md"), Path("images")


def as_table(figures: Sequence[Figure]) -> str:
    """The figures as a Markdown table."""
    heads = ("figure", "value", "goal", "met", "peer")
    return _table(heads, [_cells(figure) for figure in figures])


def write_report(results: Results, docs: Path) -> None:
    """Writes the page and its plots below ``docs``."""
    (docs / PAGE).parent.mkdir(parents=True, exist_ok=True)
    (docs / IMAGES).mkdir(parents=True, exist_ok=True)
    plots = draw(results)
    for plot in plots:
        (docs / IMAGES / plot.file).write_text(plot.svg)
    shown = [f"![{plot.alt}](../{IMAGES / plot.file})" for plot in plots]
    (docs / PAGE).write_text(as_page(results, "\n\n".join(shown)))


def as_page(results: Results, plots: str = "") -> str:
    """The page as Markdown; ``plots`` is put where the pictures go."""
    goals = [figure for figure in results.figures if figure.met is not None]
    missed = [figure for figure in goals if not figure.met]
    return _PAGE.format(
        facts=", ".join(f"{name} {value}" for name, value in results.facts.items()),
        reached=len(goals) - len(missed),
        goals=len(goals),
        missed="\n".join(_reason(figure) for figure in missed) or "None was.",
        goal_table=_table(
            ("figure", "value", "goal", "met", "peer in this run", "peers, apart", "limit, apart"),
            [_cells_with_notes(figure) for figure in goals],
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


def _reason(figure: Figure) -> str:
    why = note_of(figure.name).why or "No reason is known yet."
    return f"- **{figure.name}**: {_value(figure)} where {_goal(figure)} is the goal. {why}"


def _cells(figure: Figure) -> tuple[str, ...]:
    return (figure.name, _value(figure), _goal(figure), _MET[figure.met], _peer(figure))


def _cells_with_notes(figure: Figure) -> tuple[str, ...]:
    note = note_of(figure.name)
    return (*_cells(figure), note.peers, note.limit)


def _value(figure: Figure) -> str:
    return f"{_number(figure.value)} {figure.unit}"


def _goal(figure: Figure) -> str:
    sign = ">=" if figure.more_is_better else "<="
    return "" if figure.goal is None else f"{sign} {_number(figure.goal)}"


def _peer(figure: Figure) -> str:
    if figure.peer_value is None:
        return ""
    return f"{figure.peer}: {_number(figure.peer_value)}"


def _number(value: float) -> str:
    """Three digits are as many as a run gives."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---" for _ in heads], *rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(heads))]
    return "\n".join(
        "| " + " | ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)) + " |"
        for line in lines
    )
