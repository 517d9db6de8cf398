"""The address of the documentation, so that messages can name a page that every reader can open."""

from __future__ import annotations

DOCUMENTATION = "https://spool-live.readthedocs.io/"
"""The address of the documentation, the same as in the package's metadata."""


def page(path: str) -> str:
    """Return the address of the page at ``path`` in the documentation, such as
    ``how-to/alerts``."""
    return f"{DOCUMENTATION}{path}/"
