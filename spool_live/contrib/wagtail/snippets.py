"""Snippets, images and documents: changes of registered snippets, and of the pages that use any of
them."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator
from typing import Any

from django.apps import apps
from django.db import DatabaseError
from django.db.models import Model
from wagtail.models import DraftStateMixin, Page
from wagtail.models import Site as WagtailSite

from spool_live import outbox
from spool_live.capture import transitions
from spool_live.capture.meaning import Meaning, report
from spool_live.capture.transitions import Recorded, Snapshot
from spool_live.collections import LiveCollection
from spool_live.contrib.wagtail.declarations import (
    SnippetCollection,
    page_collections,
    snippet_collection_of,
    snippet_collections,
)
from spool_live.contrib.wagtail.models import SiteMapping
from spool_live.contrib.wagtail.references import pages_using, record_pages_using
from spool_live.contrib.wagtail.rows import RowSave, differs, is_editorial
from spool_live.models import Site

ABOUT_FILES = frozenset({"created_at", "uploaded_by_user", "file_size", "file_hash", "collection"})
"""Fields of images and documents that no page shows."""

_DELETION = "spool_live_wagtail_deletion"


def models() -> list[type[Model]]:
    """Return the models whose objects pages use, and those of registered snippets."""
    return list(dict.fromkeys([*_used_models(), *(c.model for c in snippet_collections())]))


def begin(
    instance: Any, using: str, raw: bool, update_fields: Collection[str] | None
) -> SnippetSave | None:
    """Return the ``SnippetSave`` that captures a save of a snippet, image or document; ``None`` for
    fixtures, and for saves that only concern a draft where the collection reports no drafts."""
    collection = snippet_collection_of(type(instance))
    if raw or not (collection or page_collections()):
        return None
    if update_fields is not None and is_editorial(update_fields):
        wanted = collection is not None and collection.drafts
        if not wanted or "latest_revision" not in update_fields:
            return None
    return SnippetSave(instance, using, update_fields)


class SnippetSave(RowSave):
    """One save of the row of a snippet, an image or a document."""

    def after(self, *, created: bool) -> None:
        """Record what the save means for the snippet and for the pages that use it."""
        row = None if created else self.row
        item = self.instance
        if self.update_fields is not None:
            item = type(item)._base_manager.using(self.using).filter(pk=item.pk).first() or item
        draft = self.update_fields is not None and is_editorial(self.update_fields)
        relevant = row is None or draft or differs(row, item, ABOUT_FILES)
        collection = snippet_collection_of(type(item))
        if collection is not None:
            before = {} if row is None else _view(collection, row, self.using)
            after = _view(collection, item, self.using)
            extra = {"draft": True} if draft else {}
            found = _updates(collection, item, before, after, relevant=relevant, extra=extra)
            outbox.record(found, using=self.using)
        was_live, is_live = row is not None and _is_live(row), _is_live(item)
        if was_live != is_live or (is_live and relevant and not draft):
            record_pages_using(pages_using(item, self.using), self.using)


def before_delete(sender: Any, instance: Any, using: str, **kwargs: Any) -> None:
    """Determine what the deletion means, while everything exists (receiver of ``pre_delete``)."""
    collection = snippet_collection_of(type(instance))
    found: list[Recorded] = []
    if collection is not None:
        rows = type(instance)._base_manager.using(using).filter(pk=instance.pk)
        row = rows.first() or instance
        found = _updates(collection, row, _view(collection, row, using), {})
    pages = pages_using(instance, using) if page_collections() and _is_live(instance) else set()
    instance._state.__dict__[_DELETION] = (found, pages)


def after_delete(sender: Any, instance: Any, using: str, **kwargs: Any) -> None:
    """Record the deletion in its transaction (receiver of ``post_delete``)."""
    found, pages = instance._state.__dict__.pop(_DELETION, ([], set()))
    outbox.record(found, using=using)
    record_pages_using(pages, using)


def sites_of(collection: SnippetCollection, item: Any, using: str) -> set[uuid.UUID]:
    """Return the live sites that the snippet belongs to."""
    mappings = SiteMapping.objects.using(using)
    if type(collection).get_site is not LiveCollection.get_site or collection.site_field:
        site: Any = collection.get_site(item)
        if isinstance(site, WagtailSite):
            site = site.pk
        if isinstance(site, int):  # the id of a Wagtail site
            return set(mappings.filter(wagtail_site=site).values_list("site_id", flat=True))
        site_id = site.pk if isinstance(site, Site) else site
        return set() if site_id is None else {uuid.UUID(str(site_id))}
    found = set(mappings.values_list("site_id", flat=True))
    return found if collection.every_site or len(found) == 1 else set()


def _view(collection: SnippetCollection, item: Any, using: str) -> dict[uuid.UUID, Snapshot]:
    has_state = isinstance(item, DraftStateMixin)
    own = type(collection).is_published is not SnippetCollection.is_published
    site_ids: set[uuid.UUID] = set()
    try:
        site_ids = sites_of(collection, item, using)
        published = collection.is_published(item) if has_state or own else None
        visible = (published is not False or collection.drafts) and collection.is_visible(item)
        slug = collection.get_slug(item)
    except DatabaseError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a collection may raise
        report(collection, "determine a change (recorded as content.updated)", item, error)
        published, visible, slug = None, _is_live(item), None
    return {site_id: Snapshot(site_id, slug, published, visible) for site_id in site_ids}


def _updates(
    collection: SnippetCollection,
    item: Any,
    before: dict[uuid.UUID, Snapshot],
    after: dict[uuid.UUID, Snapshot],
    *,
    relevant: bool = True,
    extra: dict[str, Any] | None = None,
) -> list[Recorded]:
    found: list[Recorded] = []
    for site_id in {**before, **after}:
        with Meaning(collection, item) as meaning:
            meaning.transitions = [
                t._replace(extra={**t.extra, **(extra or {})})
                for t in transitions.changed(
                    before.get(site_id, Snapshot(None)), after.get(site_id, Snapshot(None))
                )
                if not t.is_plain or relevant
            ]
        found += meaning.updates()
    return found


def _is_live(item: Any) -> bool:
    return bool(item.live) if isinstance(item, DraftStateMixin) else True


def _used_models() -> Iterator[type[Model]]:
    if apps.is_installed("wagtail.images"):
        from wagtail.images import get_image_model  # noqa: PLC0415 - an app of its own

        yield get_image_model()
    if apps.is_installed("wagtail.documents"):
        from wagtail.documents import get_document_model  # noqa: PLC0415

        yield get_document_model()
    if apps.is_installed("wagtail.snippets"):
        from wagtail.snippets.models import get_snippet_models  # noqa: PLC0415

        yield from (model for model in get_snippet_models() if not issubclass(model, Page))
