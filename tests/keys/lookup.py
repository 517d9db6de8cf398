"""The active key behind a plain text, for tests that ask whether a key has its right."""

from __future__ import annotations

from spool_live.keys import Identity, identify
from spool_live.models import SiteApiKey


def find_key(plain: str) -> SiteApiKey | None:
    """The active key that ``plain`` is; ``None`` for anything else."""
    found = identify(plain)
    return found.key if isinstance(found, Identity) else None
