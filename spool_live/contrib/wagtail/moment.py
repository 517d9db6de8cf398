"""Pages at one moment: their state and place on each site, and what changed between two moments."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import DatabaseError
from wagtail.models import Page, PageViewRestriction

from spool_live.capture import transitions
from spool_live.capture.languages import in_its_language
from spool_live.capture.meaning import Meaning, report
from spool_live.capture.transitions import Recorded, Snapshot, Transition
from spool_live.contrib.wagtail.declarations import PLACE, PageCollection
from spool_live.contrib.wagtail.roots import Place, Roots, read_roots
from spool_live.updates import EventType, LiveUpdateData

STEP = Page.steplen
"""Characters of a tree path for each level."""

View = Mapping[uuid.UUID, tuple[Snapshot, Place]]
"""The state of a page on each of its live sites (by id), and its place there."""


@dataclass(frozen=True, slots=True)
class Moment:
    """The ``roots`` of sites and the view restrictions at one time. ``is_private`` returns whether
    the page at a tree path is behind a restriction; ``url_path_of`` turns the stored ``url_path``
    of a page into the one at that time."""

    roots: Roots
    is_private: Callable[[str], bool]
    url_path_of: Callable[[str], str] = str

    @classmethod
    def now(cls, using: str) -> Moment:
        """Return the moment that is stored now."""
        return cls(read_roots(using), behind(restricted(using)))

    def view(self, collection: PageCollection, page: Any) -> View:
        """Return the state and place of ``page`` (specific) on each site, as ``collection`` reports
        it."""
        places = self.roots.places(page, self.url_path_of(page.url_path))
        if not places:
            return {}
        is_private = not collection.private and self.is_private(page.path)
        try:
            published = collection.is_published(page) and not is_private
            visible = (published or collection.drafts) and collection.is_visible(page)
            with in_its_language(collection, page):
                slug = collection.get_slug(page)
        except DatabaseError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a collection may raise
            report(collection, "determine a change (recorded as content.updated)", page, error)
            published, visible, slug = not is_private, not is_private, None
        return {
            site_id: (Snapshot(site_id, slug, published, visible), place)
            for site_id, place in places.items()
        }


def restricted(using: str) -> frozenset[str]:
    """Return the tree paths of the pages that have a view restriction: one query, two where there
    are any.

    An alias has the restrictions of its source, as in ``Page.get_view_restrictions``.
    """
    rows = PageViewRestriction._base_manager.using(using)
    pages = dict(
        rows.filter(page__alias_of=None).order_by().values_list("page_id", "page__path").distinct()
    )
    paths, found = set(pages.values()), list(pages)
    while found:
        aliases = Page._base_manager.using(using).filter(alias_of__in=found)
        below = [(pk, path) for pk, path in aliases.values_list("pk", "path") if path not in paths]
        paths.update(path for _, path in below)
        found = [pk for pk, _ in below]
    return frozenset(paths)


def behind(paths: Iterable[str]) -> Callable[[str], bool]:
    """Return a function of a tree path: whether it is one of ``paths`` or below one."""
    known = frozenset(paths)
    return lambda path: bool(known) and not known.isdisjoint(prefixes(path))


def prefixes(path: str) -> list[str]:
    """Return the tree paths from the root of the tree to ``path``."""
    return [path[:end] for end in range(STEP, len(path) + 1, STEP)]


def updates(
    collection: PageCollection,
    page: Any,
    before: View,
    after: View,
    *,
    relevant: bool = True,
    extra: Mapping[str, Any] = transitions.NO_METADATA,
) -> list[Recorded]:
    """Return the updates of ``page`` (specific, as it is now) for a change from ``before`` to
    ``after``, at most one for each site. Where the page's state on a site is the same, there is one
    only if the change is ``relevant``, its address changed, or there is ``extra`` metadata."""
    found: list[Recorded] = []
    for site_id in {**before, **after}:
        was, old = before.get(site_id, (Snapshot(None), None))
        now, new = after.get(site_id, (Snapshot(None), None))
        added = dict(extra)
        if old and new and old.path != new.path:
            added["previous_path"] = old.path
        moved_host = bool(old and new and old.url != new.url)
        with Meaning(collection, page) as meaning:
            meaning.transitions = [
                t._replace(extra={**t.extra, **_metadata_for(t, added)})
                for t in transitions.changed(was, now)
                if not t.is_plain or added or relevant or moved_host
            ]
        with _at(page, new or old):
            found += meaning.updates()
    return found


def updates_for_descendants(
    collection: PageCollection,
    page: Any,
    places: Mapping[uuid.UUID, Place],
    extra: Mapping[str, Any],
) -> list[Recorded]:
    """Return updates of ``page`` that stand for the pages below it, whatever its own state: with
    ``descendants: true``, its ``path`` and ``url``, and nothing else about it."""
    item_id = collection.item_id_of(page)
    return [
        (
            site_id,
            LiveUpdateData(
                EventType.UPDATED,
                collection.name,
                item_id,
                None,
                {"descendants": True, **extra, "path": place.path, "url": place.url},
            ),
        )
        for site_id, place in places.items()
    ]


@contextmanager
def _at(page: Any, place: Place | None) -> Iterator[None]:
    """Let the page's metadata describe it at ``place`` within the block."""
    page.__dict__[PLACE] = place
    try:
        yield
    finally:
        del page.__dict__[PLACE]


def _metadata_for(transition: Transition, added: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return ``added``; without ``previous_path`` unless the page was on the site and still is."""
    if transition.event_type is EventType.UPDATED:
        return added
    return {name: value for name, value in added.items() if name != "previous_path"}
