"""Where the documentation is: messages name a page that whoever installed the package can open."""

from __future__ import annotations

DOCUMENTATION = "https://spool-live.readthedocs.io/"
"""The same as in the package's metadata."""


def page(path: str) -> str:
    """Return the address of a page, by its path in the documentation: ``how-to/alerts``."""
    return f"{DOCUMENTATION}{path}/"
