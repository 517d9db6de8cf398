"""Wagtail's pages and snippets as live content (``pip install 'spool-live[wagtail]'``).

In ``INSTALLED_APPS``, after ``"spool_live"`` and Wagtail's own apps::

    "spool_live.contrib.wagtail",

and in a ``live.py``::

    from spool_live.contrib.wagtail import PageCollection, register_pages

    @register_pages()
    class Pages(PageCollection):
        pass

``declarations`` is what projects declare. ``moment`` and ``roots`` determine where pages are and
who may see them, before and after a change. ``pages``, ``subtrees``, ``privacy``, ``references``,
``snippets`` and ``sites`` record one kind of change each, and ``connection`` connects them.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spool_live.contrib.wagtail.declarations import (
        PageCollection,
        SnippetCollection,
        register_pages,
        register_snippets,
    )

__all__ = ["PageCollection", "SnippetCollection", "register_pages", "register_snippets"]


def __getattr__(name: str) -> Any:
    # Django imports this package before it loads models.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.declarations"), name)
