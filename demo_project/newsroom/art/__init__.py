"""Pictures for articles, drawn by code: the same article always gets the same picture."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable

from . import harbour, orbit

WIDTH, HEIGHT = 960, 600

_THEMES: dict[str, Callable[[str, random.Random], str]] = {
    "harbour": harbour.scene,
    "orbit": orbit.scene,
}


def draw(theme: str, category: str, seed: str) -> str:
    """Return an SVG document of 960 by 600 for an article of ``category``.

    ``theme`` is a ``Theme``; an unknown category gets the theme's first motif. ``seed`` determines
    everything that varies.
    """
    digest = hashlib.sha256(seed.encode()).digest()
    dice = random.Random(digest)  # noqa: S311 - decoration, not a secret
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'preserveAspectRatio="xMidYMid slice">{_THEMES[theme](category, dice)}</svg>'
    )
