"""Pictures in the theme "orbit": abstract diagrams."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

WIDTH, HEIGHT = 960, 600
_LEADING_LINE = 17

# ground, lines, accent, second accent
Palette = tuple[str, str, str, str]

_PALETTES: tuple[Palette, ...] = (
    ("#12122a", "#6f6bd8", "#ff6b4a", "#f6f3ff"),
    ("#ecebfa", "#4a41c8", "#ff5c3a", "#17152f"),
    ("#4a35e0", "#a99fff", "#ffd166", "#ffffff"),
    ("#0d1f2b", "#3fa7a0", "#ffb454", "#e9fbf7"),
    ("#f7efe6", "#5b4bd6", "#e4572e", "#1d1933"),
)


def scene(category: str, dice: random.Random) -> str:
    """Return the content of an SVG: a ground, a faint grid, and the category's motif."""
    ground, line, accent, second = dice.choice(_PALETTES)
    motif = _MOTIFS.get(category, _orbits)
    grid = "".join(f"M0 {y}H{WIDTH}" for y in range(60, HEIGHT, 60)) + "".join(
        f"M{x} 0V{HEIGHT}" for x in range(60, WIDTH, 60)
    )
    return (
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="{ground}"/>'
        f'<path d="{grid}" stroke="{line}" opacity=".14"/>{motif(line, accent, second, dice)}'
    )


def _orbits(line: str, accent: str, second: str, dice: random.Random) -> str:
    x, y, tilt = dice.randint(330, 630), dice.randint(240, 360), dice.randint(-34, 34)
    rings, bodies = [], []
    for ring in range(1, 9):
        wide, tall = ring * 62, ring * 62 * 0.42
        rings.append(
            f'<ellipse rx="{wide}" ry="{tall:.0f}" fill="none" stroke="{line}" '
            f'stroke-width="{dice.choice((1.2, 1.2, 2.6))}" opacity="{1 - ring * 0.085:.2f}"/>'
        )
        angle = dice.uniform(0, math.tau)
        bodies.append(
            f'<circle cx="{wide * math.cos(angle):.0f}" cy="{tall * math.sin(angle):.0f}" '
            f'r="{dice.choice((4, 6, 9, 15))}" fill="{dice.choice((accent, second, line))}"/>'
        )
    stars = "".join(
        f'<circle cx="{dice.randint(0, WIDTH)}" cy="{dice.randint(0, HEIGHT)}" '
        f'r="{dice.uniform(0.8, 2.4):.1f}" fill="{second}" opacity=".6"/>'
        for _ in range(70)
    )
    return (
        f'{stars}<g transform="translate({x} {y}) rotate({tilt})">{"".join(rings)}'
        f'<circle r="34" fill="{accent}"/>{"".join(bodies)}</g>'
    )


def _lattice(line: str, accent: str, second: str, dice: random.Random) -> str:
    radius, cells = 40, []
    fates = ((accent, 0.95), (line, 0.55), (second, 0.9), ("none", 0.75), ("none", 0))
    for row in range(-1, 10):
        for column in range(-1, 15):
            x = column * radius * 1.74 + (row % 2) * radius * 0.87
            y = row * radius * 1.5
            edge = " ".join(
                f"{x + (radius - 4) * math.sin(math.tau * side / 6):.0f},"
                f"{y + (radius - 4) * math.cos(math.tau * side / 6):.0f}"
                for side in range(6)
            )
            fill, opacity = dice.choices(fates, weights=(9, 11, 5, 61, 14))[0]
            cells.append(
                f'<polygon points="{edge}" fill="{fill}" stroke="{line}" '
                f'stroke-width="1.5" opacity="{opacity}"/>'
            )
    return "".join(cells)


def _growth(line: str, accent: str, second: str, dice: random.Random) -> str:
    """Return a pattern like a sunflower's: each seed is a golden angle after the last."""
    x, y, golden = dice.randint(340, 620), dice.randint(250, 350), math.pi * (3 - math.sqrt(5))
    wobble = dice.uniform(0.0, 0.6)
    seeds = []
    for number in range(6, 620):
        reach = 17.2 * math.sqrt(number)
        angle = number * golden + wobble * math.sin(number / 40)
        colour = accent if number % 13 == 0 else second if number % 21 == 0 else line
        seeds.append(
            f'<circle cx="{x + reach * math.cos(angle):.0f}" '
            f'cy="{y + reach * math.sin(angle):.0f}" r="{1.6 + reach / 62:.1f}" '
            f'fill="{colour}"/>'
        )
    return "".join(seeds)


def _registers(line: str, accent: str, second: str, dice: random.Random) -> str:
    cell, parts = 30, []
    for row in range(HEIGHT // cell):
        run, column = dice.randint(1, 7), 0
        while column < WIDTH // cell:
            colour = dice.choices((accent, second, line, None), weights=(12, 8, 42, 38))[0]
            if colour:
                width = min(run, WIDTH // cell - column) * cell - 8
                parts.append(
                    f'<rect x="{column * cell + 4}" y="{row * cell + 4}" width="{width}" '
                    f'height="{cell - 8}" rx="{(cell - 8) / 2:.0f}" fill="{colour}" '
                    f'opacity="{dice.choice((0.28, 0.55, 0.95))}"/>'
                )
            column += run + dice.choice((0, 0, 1))
            run = dice.randint(1, 7)
    return "".join(parts)


def _currents(line: str, accent: str, second: str, dice: random.Random) -> str:
    lines, length, beat = [], dice.uniform(210, 330), dice.uniform(2.2, 3.6)
    for number in range(34):
        base = 80 + number * 13.5
        swell = 74 * math.sin(number / 33 * math.pi)
        shift = number / 9
        points = " ".join(
            f"{x},{_wave(base, swell, x / length * math.tau + shift, beat):.1f}"
            for x in range(0, WIDTH + 13, 12)
        )
        leads = number == _LEADING_LINE
        colour = accent if leads else second if number in {8, 26} else line
        lines.append(
            f'<polyline points="{points}" fill="none" stroke="{colour}" '
            f'stroke-width="{4 if leads else 1.6}" opacity="{1 if leads else 0.7}"/>'
        )
    return "".join(lines)


def _wave(base: float, swell: float, angle: float, beat: float) -> float:
    return base + swell * math.sin(angle) * math.cos(angle / beat)


_MOTIFS: dict[str, Callable[[str, str, str, random.Random], str]] = {
    "space": _orbits,
    "materials": _lattice,
    "life": _growth,
    "computing": _registers,
    "energy": _currents,
}
