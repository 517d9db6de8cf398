"""One part that a project lacks. A pure value."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Addition:
    """One part that is missing: why it is needed, and the text that would be appended to ``path``.

    ``path`` is ``None`` if a person has to put the text into an existing line.
    """

    part: str
    why: str
    text: str
    path: Path | None
