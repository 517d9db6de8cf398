"""Three kinds of picture as SVG: bars, dots on a line, courses over time. No fonts, no scripts;
they follow the reader's light or dark scheme, and the same values give the same bytes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

WIDTH = 760
_LABELS, _RIGHT, _TOP, _ROW = 230, 120, 64, 26
_STYLE = """
.back{fill:#fff}.text{fill:#1f2933}.faint{fill:#5b6770}.grid{stroke:#d5dbe1}.goal{stroke:#b45309}
.goalt{fill:#b45309}.ours{fill:#1d4ed8;stroke:#1d4ed8}.peer{fill:#8b96a1;stroke:#8b96a1}
.light{fill:#7ea6f4;stroke:#7ea6f4}text{font:13px system-ui,sans-serif;stroke:none}
.title{font-size:16px;font-weight:600}.small{font-size:11px}.line{fill:none;stroke-width:1.5}
@media(prefers-color-scheme:dark){.back{fill:#0d1117}.text{fill:#e6edf3}.faint{fill:#9aa6b2}
.grid{stroke:#2b333c}.goal{stroke:#f0a948}.goalt{fill:#f0a948}.ours{fill:#6ea0ff;stroke:#6ea0ff}
.peer{fill:#8794a1;stroke:#8794a1}.light{fill:#3f64b0;stroke:#3f64b0}}
"""


@dataclass(frozen=True)
class Mark:
    """One value of a row: ``kind`` is ``ours``, ``light``, ``peer`` or ``goal``."""

    value: float
    kind: str
    text: str = ""


@dataclass(frozen=True)
class Row:
    """A label, and the marks on its line."""

    label: str
    marks: Sequence[Mark]


def bars(title: str, subtitle: str, rows: Sequence[Row], *, unit: str, start: float) -> str:
    """Return a plot with one bar per row (its first mark), from ``start`` on a logarithmic axis,
    and a tick for a goal."""
    scale = _Logarithmic(start, max(m.value for row in rows for m in row.marks))
    parts = [*_grid(scale, len(rows), unit)]
    for place, row in enumerate(rows):
        y = _TOP + place * _ROW
        first = row.marks[0]
        width = max(1.0, scale(first.value) - _LABELS)
        parts.append(_text(_LABELS - 10, y + 17, row.label, "text", "end"))
        parts.append(
            f'<rect class="{first.kind}" x="{_LABELS}" y="{y + 5}" width="{width:.1f}" '
            f'height="16" rx="2"/>'
        )
        parts += [_tick(scale(mark.value), y) for mark in row.marks[1:]]
        end = max(scale(mark.value) for mark in row.marks)
        parts.append(_text(end + 8, y + 17, first.text, "text"))
    return _page(title, subtitle, parts, _TOP + len(rows) * _ROW + 34)


def dots(title: str, subtitle: str, rows: Sequence[Row], *, unit: str, start: float) -> str:
    """Return a plot with one line of dots per row, on a logarithmic axis, and a tick for a goal."""
    scale = _Logarithmic(start, max(m.value for row in rows for m in row.marks))
    parts = [*_grid(scale, len(rows), unit)]
    for place, row in enumerate(rows):
        y = _TOP + place * _ROW
        parts.append(_text(_LABELS - 10, y + 17, row.label, "text", "end"))
        for mark in row.marks:
            x = scale(mark.value)
            if mark.kind == "goal":
                parts.append(_tick(x, y))
            else:
                parts.append(f'<circle class="{mark.kind}" cx="{x:.1f}" cy="{y + 13}" r="5.5"/>')
        last = max(row.marks, key=lambda mark: mark.value)
        label = next(mark.text for mark in row.marks if mark.text)
        parts.append(_text(scale(last.value) + 12, y + 17, label, "faint small"))
    return _page(title, subtitle, parts, _TOP + len(rows) * _ROW + 34)


def courses(
    title: str,
    subtitle: str,
    lines: Sequence[tuple[str, str, Sequence[Sequence[float]]]],
    *,
    unit: str,
) -> str:
    """Return a plot of lines ``(label, kind, points)`` over seconds; values are logarithmic."""
    height, left = 260, 60
    points = [point for _, _, line in lines for point in line]
    end = max(x for x, _ in points)
    low = math.floor(math.log10(min(y for _, y in points)))
    high = math.ceil(math.log10(max(y for _, y in points)))
    across = (WIDTH - left - _RIGHT) / end

    def down(value: float) -> float:
        return _TOP + height * (1 - (math.log10(value) - low) / (high - low))

    parts = []
    for power in range(low, high + 1):
        y = down(10.0**power)
        parts.append(
            f'<path class="grid" d="M{left} {y:.1f}H{WIDTH - _RIGHT}"/>'
            + _text(left - 8, y + 4, f"{10.0**power:,g}", "faint small", "end")
        )
    for label, kind, line in lines:
        path = "L".join(f"{left + x * across:.1f} {down(y):.1f}" for x, y in line)
        parts.append(f'<path class="line {kind}" style="fill:none" d="M{path}"/>')
        x, y = max(line, key=lambda point: point[1])
        parts.append(_text(left + x * across + 8, down(y) - 4, label, "text small"))
    bottom = _TOP + height
    parts.append(_text(left, bottom + 20, "0 s", "faint small"))
    parts.append(_text(WIDTH - _RIGHT, bottom + 20, f"{end:.0f} s", "faint small", "end"))
    parts.append(_text(WIDTH - 12, bottom + 20, unit, "faint small", "end"))
    return _page(title, subtitle, parts, bottom + 34)


class _Logarithmic:
    """From a value to its place between the labels and the right margin."""

    def __init__(self, start: float, end: float) -> None:
        self.start, self.end = start, end * 1.05
        self._span = math.log10(self.end / start)

    def __call__(self, value: float) -> float:
        share = math.log10(max(value, self.start) / self.start) / self._span
        return _LABELS + share * (WIDTH - _LABELS - _RIGHT)

    def ticks(self) -> Iterable[float]:
        power = 10.0 ** math.floor(math.log10(self.start))
        steps = (1, 2, 5) if self._span < 2 else (1,)
        while power <= self.end:
            yield from (power * n for n in steps if self.start <= power * n <= self.end)
            power *= 10


def _grid(scale: _Logarithmic, rows: int, unit: str) -> Iterable[str]:
    bottom = _TOP + rows * _ROW + 4
    for value in scale.ticks():
        x = scale(value)
        yield f'<path class="grid" d="M{x:.1f} {_TOP}V{bottom}"/>'
        yield _text(x, bottom + 16, f"{value:,g}", "faint small", "middle")
    yield _text(WIDTH - 12, bottom + 16, unit, "faint small", "end")


def _tick(x: float, y: float) -> str:
    return f'<path class="goal" stroke-width="2.5" d="M{x:.1f} {y + 1}v24"/>'


def _text(x: float, y: float, content: str, classes: str, anchor: str = "start") -> str:
    return (
        f'<text class="{classes}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">'
        f"{escape(content)}</text>"
    )


def _page(title: str, subtitle: str, parts: Sequence[str], height: float) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" '
        f'width="{WIDTH}" height="{height:.0f}" role="img">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n"
        f'<rect class="back" width="100%" height="100%" rx="8"/>'
    )
    words = [_text(16, 26, title, "text title"), _text(16, 46, subtitle, "faint")]
    return "\n".join([head, *words, *parts, "</svg>"]) + "\n"
