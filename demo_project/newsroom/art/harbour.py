"""Pictures in the theme "harbour": sea, sky, and a motif in front of them."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

WIDTH, HEIGHT, HORIZON = 960, 600, 330

# sky above, sky at the horizon, sun, sea far, sea near, silhouette
Palette = tuple[str, str, str, str, str, str]

_PALETTES: dict[str, tuple[Palette, ...]] = {
    "harbour": (
        ("#27506b", "#f0c9a0", "#fbe7c6", "#3d7189", "#123a50", "#0d2635"),
        ("#16324a", "#8fb3bd", "#f3efe0", "#2f6178", "#0f3045", "#0a2030"),
        ("#5d7f92", "#ecd8bd", "#fff4de", "#5b8796", "#24505f", "#143440"),
    ),
    "town": (
        ("#b9563b", "#f3c590", "#fff0cf", "#7a5f63", "#3a3844", "#251f2b"),
        ("#355c6f", "#e9b78a", "#fde6c0", "#50707b", "#223f4d", "#152833"),
    ),
    "weather": (
        ("#3c4d59", "#9fb0b4", "#d7dedb", "#4d6670", "#1f343f", "#14242d"),
        ("#22323f", "#6f8a94", "#cfd9d8", "#38525f", "#13242f", "#0c1922"),
    ),
    "culture": (
        ("#1b2440", "#b0607a", "#f6d9b0", "#39406b", "#151c38", "#0c1026"),
        ("#2a2f55", "#d98a6a", "#fbe3bd", "#484a75", "#1a2042", "#10142e"),
    ),
    "sport": (
        ("#5fa3b5", "#f4e6c4", "#fff8e6", "#3f8a99", "#14586a", "#0d3b49"),
        ("#3f7f93", "#f2d3a0", "#fff1d0", "#35798a", "#114a5c", "#0b3240"),
    ),
}


def scene(category: str, dice: random.Random) -> str:
    """Return the content of an SVG: sky, light, sea in layers, and the category's motif."""
    palettes = _PALETTES.get(category, _PALETTES["harbour"])
    top, low, sun, far, near, shape = palette = dice.choice(palettes)
    sun_x, sun_y, radius = dice.randint(180, 780), dice.randint(120, 290), dice.randint(38, 84)
    motif = _MOTIFS.get(category, _boats)
    return (
        f'<defs><linearGradient id="s" x2="0" y2="1"><stop stop-color="{top}"/>'
        f'<stop offset="1" stop-color="{low}"/></linearGradient>'
        f'<linearGradient id="w" x2="0" y2="1"><stop stop-color="{far}"/>'
        f'<stop offset="1" stop-color="{near}"/></linearGradient></defs>'
        f'<rect width="{WIDTH}" height="{HORIZON + 20}" fill="url(#s)"/>'
        f'<circle cx="{sun_x}" cy="{sun_y}" r="{radius * 2.1:.0f}" fill="{sun}" opacity=".13"/>'
        f'<circle cx="{sun_x}" cy="{sun_y}" r="{radius}" fill="{sun}" opacity=".92"/>'
        f'<rect y="{HORIZON}" width="{WIDTH}" height="{HEIGHT - HORIZON}" fill="url(#w)"/>'
        f"{_glitter(sun_x, sun, dice)}{_waves(palette, dice, 0, 3)}"
        f"{motif(shape, sun, dice)}{_waves(palette, dice, 3, 6)}"
    )


def _glitter(x: int, colour: str, dice: random.Random) -> str:
    """Return the sun's reflection on the water."""
    strokes = []
    for step in range(16):
        y = HORIZON + 6 + step * step * 0.95
        half = dice.uniform(10, 26) + step * 3.4
        shift = dice.uniform(-14, 14)
        strokes.append(f"M{x + shift - half:.0f} {y:.0f}h{2 * half:.0f}")
    return (
        f'<path d="{"".join(strokes)}" stroke="{colour}" stroke-width="3" '
        'stroke-linecap="round" opacity=".38"/>'
    )


def _waves(palette: Palette, dice: random.Random, first: int, last: int) -> str:
    """Return layers of waves, nearer ones darker and longer."""
    layers = []
    for layer in range(first, last):
        base = HORIZON + 40 + layer * 42
        height, length = 3 + layer * 2.4, 90 + layer * 38
        phase = dice.uniform(0, math.tau)
        points = " ".join(
            f"{x},{base + height * math.sin(x / length * math.tau / 2 + phase):.1f}"
            for x in range(0, WIDTH + 21, 20)
        )
        layers.append(
            f'<polygon points="0,{HEIGHT} {points} {WIDTH},{HEIGHT}" fill="{palette[4]}" '
            f'opacity="{0.16 + layer * 0.1:.2f}"/>'
        )
    return "".join(layers)


def _boats(shape: str, light: str, dice: random.Random) -> str:
    hull = "M-92 0h196l-26 38h-146z"
    house = "M-54-2v-44h62v-18h8v18h14v44z M58-2l-4-92h5l6 92z"
    boats, left = [], dice.choice((True, False))
    for size in (dice.uniform(0.85, 1.15), dice.uniform(0.32, 0.45)):
        x, y = dice.randint(190, 400) + 360 * left, HORIZON + 20 + size * 56
        left = not left
        flip = dice.choice((-1, 1))
        boats.append(
            f'<g transform="translate({x} {y:.0f}) scale({size * flip:.2f} {size:.2f})" '
            f'fill="{shape}"><path d="{hull}"/><path d="{house}"/><path d="M60-90l-66 44" '
            f'stroke="{shape}" stroke-width="2"/><rect x="-40" y="-34" width="12" height="12" '
            f'fill="{light}"/><rect x="-18" y="-34" width="12" height="12" fill="{light}"/></g>'
        )
    return "".join(boats)


def _rooftops(shape: str, light: str, dice: random.Random) -> str:
    parts, x = [], -20
    while x < WIDTH:
        wide, tall = dice.randint(54, 104), dice.randint(64, 150)
        top, roof = HORIZON + 66 - tall, dice.randint(22, 46)
        parts.append(
            f"M{x} {HORIZON + 90}V{top}L{x + wide / 2:.0f} {top - roof}L{x + wide} {top}V"
            f"{HORIZON + 90}z"
        )
        if dice.choice((True, False)):
            parts.append(f"M{x + wide * 0.68:.0f} {top}v{-roof - 6}h9v{roof + 6}z")
        x += wide + dice.choice((0, 0, 0, 10))
    panes = "".join(
        f'<rect x="{dice.randint(10, WIDTH - 20)}" y="{dice.randint(HORIZON - 30, HORIZON + 40)}" '
        f'width="9" height="13" fill="{light}" opacity=".85"/>'
        for _ in range(34)
    )
    return f'<path d="{"".join(parts)}" fill="{shape}"/>{panes}'


def _squall(shape: str, light: str, dice: random.Random) -> str:
    clouds = "".join(
        f'<ellipse cx="{dice.randint(0, WIDTH)}" cy="{dice.randint(30, 190)}" '
        f'rx="{dice.randint(120, 260)}" ry="{dice.randint(26, 58)}" fill="{shape}" '
        f'opacity="{dice.uniform(0.14, 0.34):.2f}"/>'
        for _ in range(13)
    )
    rain = "".join(
        f"M{dice.randint(0, WIDTH)} {dice.randint(140, HORIZON)}l-18 {dice.randint(46, 92)}"
        for _ in range(70)
    )
    x = dice.randint(220, 720)
    mark = (
        f'<path d="M{x} {HORIZON + 64}l-30-6 12-92h36l12 92z M{x - 4} {HORIZON - 34}v-46h8v46z" '
        f'fill="{shape}"/><circle cx="{x}" cy="{HORIZON - 86}" r="8" fill="{light}"/>'
    )
    return (
        f'{clouds}<path d="{rain}" stroke="{light}" stroke-width="1.6" opacity=".26" '
        f'fill="none"/>{mark}'
    )


def _lighthouse(shape: str, light: str, dice: random.Random) -> str:
    x, side = dice.randint(250, 700), dice.choice((-1, 1))
    reach = 1000 * side
    return (
        f'<path d="M{x} 138L{x + reach} 20V236z" fill="{light}" opacity=".22"/>'
        f'<path d="M{x} 138L{x - reach} 96V172z" fill="{light}" opacity=".1"/>'
        f'<path d="M{x - 330} {HORIZON + 84}Q{x - 150} {HORIZON - 30} {x} {HORIZON - 22}'
        f'T{x + 330} {HORIZON + 84}z" fill="{shape}"/>'
        f'<path d="M{x - 30} {HORIZON - 8}L{x - 18} 164h36L{x + 30} {HORIZON - 8}z" '
        f'fill="{shape}"/><path d="M{x - 26} 164h52v-7h-52zM{x - 15} 122h30L{x} 102z" '
        f'fill="{shape}"/><rect x="{x - 11}" y="124" width="22" height="30" fill="{light}"/>'
    )


def _regatta(shape: str, light: str, dice: random.Random) -> str:
    sails = []
    for _ in range(6):
        size, x = dice.uniform(0.4, 1.15), dice.randint(80, WIDTH - 80)
        y = HORIZON + 6 + size * 70
        fill = dice.choice((light, shape))
        sails.append(
            f'<g transform="translate({x} {y:.0f}) scale({size:.2f})"><path d="M-40 0h88l-14 15'
            f'h-62z" fill="{shape}"/><path d="M2-6V-132Q56-62 46-6z" fill="{fill}"/>'
            f'<path d="M-4-6V-112Q-34-50-36-6z" fill="{fill}" opacity=".72"/></g>'
        )
    return "".join(sails)


_MOTIFS: dict[str, Callable[[str, str, random.Random], str]] = {
    "harbour": _boats,
    "town": _rooftops,
    "weather": _squall,
    "culture": _lighthouse,
    "sport": _regatta,
}
