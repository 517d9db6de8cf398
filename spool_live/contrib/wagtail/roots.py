"""Which sites a page is on, and its path and URL there.

Wagtail keeps the same in its cache, which another process may have filled an hour ago. An update
must not go to the site that a page was on then, so the database is read here.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, DatabaseError
from wagtail.models import Page
from wagtail.models import Site as WagtailSite
from wagtail.models.sites import SiteRootPath

logger = logging.getLogger(__name__)

_CACHE = "_wagtail_cached_site_root_paths"
"""Attribute of a request or a page in which Wagtail's ``get_url_parts`` looks for the roots."""


@dataclass(frozen=True, slots=True)
class Root:
    """The root page of a Wagtail site in one language. ``site_id`` is the id of the live site,
    ``None`` where the Wagtail site is not mapped; ``url_path`` is Wagtail's, from the root of the
    tree."""

    wagtail_site_id: int
    url_path: str
    root_url: str
    language: str
    site_id: uuid.UUID | None
    is_default: bool
    hostname: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page is on one site: its path there (``/news/today/``), and its URL."""

    site_id: uuid.UUID
    path: str
    url: str


@dataclass(frozen=True, slots=True)
class Roots:
    """The roots of every Wagtail site, the deepest first."""

    roots: tuple[Root, ...]

    def places(self, page: Any, url_path: str | None = None) -> dict[uuid.UUID, Place]:
        """Return the places of ``page`` by the id of the live site, for its own ``url_path`` or the
        one that is given.

        Where sites are nested, the innermost has the page; where several hostnames have the same
        root, each of them has it.
        """
        url_path = page.url_path if url_path is None else url_path
        found: dict[uuid.UUID, Place] = {}
        for root in self._at(url_path):
            if root.site_id is not None and root.site_id not in found:
                found[root.site_id] = _place(page, url_path, root, root.site_id)
        return found

    def site_ids(self, url_path: str) -> set[uuid.UUID]:
        """Return the live sites of a page with this ``url_path``."""
        return {root.site_id for root in self._at(url_path) if root.site_id is not None}

    def moved(self, before: str, after: str) -> Roots:
        """Return the roots after everything at ``before`` or below it has moved to ``after``."""
        return Roots(
            _ordered(replace(r, url_path=moved(r.url_path, before, after)) for r in self.roots)
        )

    def with_exactly(self, now: str, before: str) -> Roots:
        """Return the roots, but with those at exactly ``now`` still at ``before``."""
        return Roots(
            _ordered(replace(r, url_path=before) if r.url_path == now else r for r in self.roots)
        )

    def without(self, wagtail_site_id: int) -> Roots:
        """Return the roots without one Wagtail site."""
        return Roots(tuple(r for r in self.roots if r.wagtail_site_id != wagtail_site_id))

    def of(self, wagtail_site_id: int) -> tuple[Root, ...]:
        """Return the roots of one Wagtail site, one for each language."""
        return tuple(r for r in self.roots if r.wagtail_site_id == wagtail_site_id)

    def _at(self, url_path: str) -> list[Root]:
        inside = [root for root in self.roots if url_path.startswith(root.url_path)]
        return [root for root in inside if root.url_path == inside[0].url_path]


def read_roots(using: str = DEFAULT_DB_ALIAS) -> Roots:
    """Return the roots as they are stored now: one query, with ``WAGTAIL_I18N_ENABLED`` two."""
    sites = list(
        WagtailSite._base_manager.using(using).values(
            "pk",
            "hostname",
            "port",
            "is_default_site",
            "live_mapping__site_id",
            "root_page__url_path",
            "root_page__translation_key",
            "root_page__locale__language_code",
        )
    )
    translations: dict[Any, list[tuple[str, str]]] = {}
    if getattr(settings, "WAGTAIL_I18N_ENABLED", False):
        keys = [site["root_page__translation_key"] for site in sites]
        pages = Page._base_manager.using(using).filter(translation_key__in=keys)
        for key, url_path, language in pages.values_list(
            "translation_key", "url_path", "locale__language_code"
        ):
            translations.setdefault(key, []).append((url_path, language))
    return Roots(
        _ordered(
            Root(
                wagtail_site_id=site["pk"],
                url_path=url_path,
                root_url=WagtailSite(hostname=site["hostname"], port=site["port"]).root_url,
                language=language,
                site_id=site["live_mapping__site_id"],
                is_default=site["is_default_site"],
                hostname=site["hostname"],
            )
            for site in sites
            for url_path, language in translations.get(
                site["root_page__translation_key"],
                [(site["root_page__url_path"], site["root_page__locale__language_code"])],
            )
        )
    )


def place_of(page: Any) -> Place | None:
    """Return the place of ``page`` now on the first of its sites, or ``None``."""
    return next(iter(read_roots(page._state.db or DEFAULT_DB_ALIAS).places(page).values()), None)


def moved(url_path: str, before: str, after: str) -> str:
    """Return ``url_path`` after everything at ``before`` or below it has moved to ``after``."""
    return after + url_path[len(before) :] if url_path.startswith(before) else url_path


def _ordered(roots: Iterable[Root]) -> tuple[Root, ...]:
    return tuple(sorted(roots, key=lambda r: (-len(r.url_path), not r.is_default, r.hostname)))


def _place(page: Any, url_path: str, root: Root, site_id: uuid.UUID) -> Place:
    """Return the place of ``page`` by its own ``get_url_parts``, which a project may override;
    where no route serves pages (headless), by its path below the root."""
    known = [SiteRootPath(root.wagtail_site_id, root.url_path, root.root_url, root.language)]
    held = dict(page.__dict__)
    page.__dict__.update({"url_path": url_path, _CACHE: known})
    try:
        parts = page.get_url_parts(SimpleNamespace(**{_CACHE: known}))
    except DatabaseError:
        raise
    except Exception:  # whatever a project's get_url_parts may raise
        logger.exception("%s cannot give the URL of page %s", type(page).__name__, page.pk)
        parts = None
    finally:
        page.__dict__.pop(_CACHE, None)
        page.__dict__.update({n: held[n] for n in ("url_path", _CACHE) if n in held})
    root_url, path = (parts[1], parts[2]) if parts else (None, None)
    if path is None:
        root_url, path = root.root_url, "/" + url_path[len(root.url_path) :]
    return Place(site_id, path, f"{root_url}{path}")
