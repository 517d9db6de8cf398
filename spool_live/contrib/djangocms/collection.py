"""``PageCollection``: how pages are reported to subscribers."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any, TypeVar

from spool_live.collections import ITEM_NAMESPACE, django_sites, one_site
from spool_live.conf import live_settings
from spool_live.exceptions import SpoolLiveConfigurationError


class PageCollection:
    """How pages are reported. Each language of a page is an item, whatever versions it has.

    The metadata of each update also has ``locale``, ``path`` (of the page's URL, without the
    language and the slashes around it; ``""`` for the home page), ``page`` (the primary key, which
    translations share) and, where the path changed, ``previous_path``.
    """

    name: str = "pages"
    """What the front end calls the collection."""
    most_descendants: int = 100
    """Most pages below a page that are recorded one by one when its address changes. Where there
    are more, its own update has ``descendants: true`` and stands for all of them."""

    def get_site(self, page: Any) -> Any:
        """Return the site of ``page``, or its id: that of ``SPOOL_LIVE["SITE"]`` where it is set,
        else the one for the page's Django site (see ``spool_live.contrib.sites``)."""
        if live_settings().site:
            return one_site.site_id(page._state.db)
        return django_sites.mapped(page.site_id)

    def get_metadata(self, content: Any) -> Mapping[str, Any]:
        """Return a JSON object of at most 8 KiB. ``content`` is the ``PageContent`` that the public
        sees, or saw last."""
        return {"title": content.title}

    def item_id_of(self, page: int, language: str) -> uuid.UUID:
        """Return the id of a page in a language, as a stable UUIDv5."""
        return uuid.uuid5(ITEM_NAMESPACE, f"cms.page:{page}:{language}")


C = TypeVar("C", bound=type[PageCollection])
_registered: list[PageCollection] = []


def register_pages(collection: C) -> C:
    """Report the pages of django CMS by the decorated class, and return it (a class decorator).

    Raises ``SpoolLiveConfigurationError`` where pages are registered already.
    """
    if _registered:
        raise SpoolLiveConfigurationError(
            f"Pages are already registered by {_registered[0]!r}: remove one of the registrations."
        )
    _registered.append(collection())
    return collection


def unregister_pages() -> None:
    """Stop reporting pages."""
    _registered.clear()


def page_collection() -> PageCollection | None:
    """Return the collection that pages are reported by, if there is one."""
    return _registered[0] if _registered else None
