"""Pages of django CMS 5, with and without djangocms-versioning
(``pip install 'spool-live[djangocms]'``).

Put ``"spool_live.contrib.djangocms"`` into ``INSTALLED_APPS`` and declare in a ``live.py`` how
pages are reported; ``pass`` is enough as the body of the class::

    @register_pages
    class Pages(PageCollection):
        def get_metadata(self, content):
            return {"title": content.title}

``collection`` has the class that a project overrides, ``states`` reads the public state of pages,
``watching`` compares it before and after an operation, and ``operations`` connects the operations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spool_live.contrib.djangocms.collection import PageCollection, register_pages

__all__ = ["PageCollection", "register_pages"]


def __getattr__(name: str) -> Any:
    """Import a public name at its first use: Django imports this package before any model."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from spool_live.contrib.djangocms import collection  # noqa: PLC0415 - needs loaded apps

    return getattr(collection, name)
