"""The pages below a page, when a change of it changes their URLs or their privacy: Wagtail updates
them by one statement, without a signal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db.models import QuerySet
from wagtail.models import Page

from spool_live import outbox
from spool_live.capture.reading import CHUNK, chunks
from spool_live.capture.transitions import NO_METADATA, Recorded
from spool_live.contrib.wagtail.declarations import PageCollection, collection_of
from spool_live.contrib.wagtail.moment import Moment, updates, updates_for_descendants


class Subtree:
    """The registered pages below ``top`` (and ``top`` itself where ``inclusive``) that are live, or
    whose collection reports drafts."""

    def __init__(self, top: Page, using: str, *, inclusive: bool = False) -> None:
        self.top = top
        self.using = using
        below = Page._base_manager.using(using).filter(path__startswith=top.path)
        self._rows = below if inclusive else below.exclude(pk=top.pk)
        found = self._rows.order_by().values_list("content_type_id", "live").distinct()
        self._types: dict[tuple[int, bool], PageCollection] = {}
        for content_type_id, live in found:
            model = ContentType.objects.db_manager(using).get_for_id(content_type_id).model_class()
            collection = collection_of(model)
            if collection is not None and (live or collection.drafts):
                self._types[content_type_id, live] = collection

    @property
    def collections(self) -> list[PageCollection]:
        """The collections that the pages belong to, each once."""
        return list(dict.fromkeys(self._types.values()))

    def is_small(self) -> bool:
        """Return whether the pages are few enough to be reported one by one."""
        limit = min((c.most_descendants for c in self.collections), default=0)
        return not self._pages()[limit : limit + 1].exists()

    def pages(self) -> Iterator[Any]:
        """Yield the pages as their specific types, read in chunks."""
        pks = list(self._pages().values_list("pk", flat=True))
        for chunk in chunks(pks, CHUNK):
            rows = Page.objects.using(self.using).filter(pk__in=chunk).specific()
            yield from rows.order_by("path")

    def _pages(self) -> QuerySet[Any]:
        wanted: QuerySet[Any] = self._rows.none()
        for live in (True, False):
            types = [content_type for content_type, is_live in self._types if is_live is live]
            if types:
                wanted = wanted | self._rows.filter(live=live, content_type__in=types)
        return wanted.order_by("path")


def record_change(
    page: Any,
    before: Moment,
    after: Moment,
    using: str,
    *,
    was: Any,
    relevant: bool = False,
    extra: Mapping[str, Any] = NO_METADATA,
    below: bool = True,
) -> None:
    """Record how ``page`` changed between two moments and, with ``below``, how the pages below it
    did: one by one, or by one update for each of their collections that stands for them all.

    ``was`` is the page by its row before the change, ``None`` where it is new. ``relevant`` and
    ``extra`` are as for ``updates``.
    """
    collection = collection_of(page.specific_class)
    subtree = Subtree(page, using) if below else None
    summarized = subtree.collections if subtree and not subtree.is_small() else []
    found: list[Recorded] = []
    if collection is not None:
        given = {**extra, "descendants": True} if summarized else extra
        then = {} if was is None else before.view(collection, was)
        now = after.view(collection, page)
        found = updates(collection, page, then, now, relevant=relevant, extra=given)
    for other in summarized:
        if other is not collection or not found:
            found += _updates_for_descendants(other, was, page, before, after)
    outbox.record(found, using=using)
    if subtree is not None and not summarized:
        record_pages(subtree.pages(), before, after, using)


def _updates_for_descendants(
    collection: PageCollection, row: Any, page: Any, before: Moment, after: Moment
) -> list[Recorded]:
    was = before.roots.places(page, before.url_path_of(row.url_path))
    now = after.roots.places(page, after.url_path_of(page.url_path))
    found: list[Recorded] = []
    for site_id, place in {**was, **now}.items():
        hidden = after.is_private(page.path) and not before.is_private(page.path)
        is_removed = site_id not in now or (hidden and not collection.private)
        extra: dict[str, Any] = {"published": False} if is_removed else {}
        if site_id in was and was[site_id].path != place.path:
            extra["previous_path"] = was[site_id].path
        found += updates_for_descendants(collection, page, {site_id: place}, extra)
    return found


def record_pages(pages: Iterable[Any], before: Moment, after: Moment, using: str) -> None:
    """Record how each of ``pages`` (specific, as stored) changed between two moments."""
    for some in chunks(pages, CHUNK):
        found: list[Recorded] = []
        for page in some:
            collection = collection_of(type(page))
            if collection is not None:
                was, now = before.view(collection, page), after.view(collection, page)
                found += updates(collection, page, was, now, relevant=False)
        outbox.record(found, using=using)
