"""One part that a project lacks. A pure value."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Addition:
    """One part that is missing: why, and the text that would be appended to ``path``; ``None``
    where only a person can put it into a line that is there."""

    part: str
    why: str
    text: str
    path: Path | None
