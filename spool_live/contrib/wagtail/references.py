"""The pages that use an image, a document or a snippet: they show something else when it changes.

Wagtail's reference index knows them, whether the use is a foreign key, a chooser in a StreamField
or a link in rich text.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from wagtail.models import Page, ReferenceIndex

from spool_live import outbox
from spool_live.capture.reading import CHUNK, chunks
from spool_live.capture.transitions import Recorded
from spool_live.contrib.wagtail.declarations import collection_of, page_collections
from spool_live.contrib.wagtail.moment import Moment, updates, updates_for_descendants

MAX_STEPS = 3
"""Most steps from an object to a page that shows it: an image of an article's author takes two."""


def pages_using(item: Model, using: str) -> set[int]:
    """Return the ids of the pages that use ``item``, directly or through other objects."""
    page_type = _content_type(Page, using)
    pages: set[int] = set()
    seen = found = {(_content_type(type(item), using), str(item.pk))}
    for _ in range(MAX_STEPS):
        sources: set[tuple[int, str]] = set()
        for content_type in {content_type for content_type, _ in found}:
            pks = [pk for known, pk in found if known == content_type]
            for some in chunks(pks, CHUNK):
                rows = ReferenceIndex.objects.using(using).filter(
                    to_content_type_id=content_type, to_object_id__in=some
                )
                sources.update(rows.values_list("base_content_type_id", "object_id").distinct())
        pages.update(int(pk) for content_type, pk in sources if content_type == page_type)
        found = {source for source in sources - seen if source[0] != page_type}
        seen = seen | found
        if not found:
            break
    return pages


def record_pages_using(page_ids: Iterable[int], using: str) -> None:
    """Record updates of those of the pages that are live, because an object that they use has
    changed: one by one, or by one update of each site's root page that stands for them all."""
    following = [c for c in page_collections() if c.follows_references]
    if not following:
        return
    pages: list[Any] = []
    for some in chunks(sorted(page_ids), CHUNK):
        rows = Page.objects.using(using).filter(pk__in=some, live=True)
        pages += (page for page in rows if collection_of(page.specific_class) in following)
    if not pages:
        return
    now = Moment.now(using)
    found = {collection_of(page.specific_class) for page in pages}
    limit = min(collection.most_moved for collection in found if collection)
    recorded: list[Recorded] = []
    if len(pages) > limit:
        sites = {site for page in pages for site in now.roots.site_ids(page.url_path)}
        recorded = _at_the_roots([c for c in following if c in found], sites, now, using)
    else:
        for page in pages:
            specific, collection = page.specific, collection_of(page.specific_class)
            if collection is not None:
                view = now.view(collection, specific)
                recorded += updates(collection, specific, view, view)
    outbox.record(recorded, using=using)


def _at_the_roots(
    collections: Iterable[Any], sites: set[Any], now: Moment, using: str
) -> list[Recorded]:
    paths = {root.url_path for root in now.roots.roots if root.site_id in sites}
    found: list[Recorded] = []
    for top in Page.objects.using(using).filter(url_path__in=paths).specific():
        places = now.roots.places(top)
        for collection in collections:
            found += updates_for_descendants(collection, top, places, {})
    return found


def _content_type(model: type[Model], using: str) -> int:
    base = (model._meta.get_parent_list() or [model])[-1]
    types = ContentType.objects.db_manager(using)
    return int(types.get_for_model(base, for_concrete_model=False).pk)
