"""Saves and deletions of pages.

Whatever Wagtail does to a page, by a view, an action or a command, ends in a save of its row: as
the specific class or as the base class, with or without signals. So the rows before and after the
save are compared, and what changed for the public is recorded in the same transaction.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db import DatabaseError

from spool_live import outbox
from spool_live.capture.meaning import report
from spool_live.capture.transitions import NO_METADATA, Recorded
from spool_live.contrib.wagtail import moves
from spool_live.contrib.wagtail.declarations import (
    PageCollection,
    collection_of,
    page_collections,
)
from spool_live.contrib.wagtail.moment import Moment, behind, restricted, updates
from spool_live.contrib.wagtail.roots import moved, read_roots
from spool_live.contrib.wagtail.rows import (
    DATED,
    RowSave,
    as_it_was,
    content_of,
    differs,
    is_editorial,
    is_plain,
)
from spool_live.contrib.wagtail.subtrees import record_change

DRAFT = {"draft": True}
"""What is added to the update of a saved draft."""

_DELETIONS = "spool_live_wagtail_deletions"
_MOMENT = "spool_live_wagtail_moment"


def begin(
    instance: Any, using: str, raw: bool, update_fields: Collection[str] | None
) -> PageSave | None:
    """Return the ``PageSave`` that captures a save of a page; ``None`` for fixtures, and for saves
    that only concern a draft where the page's collection does not report drafts."""
    if raw or not page_collections():
        return None
    if update_fields is not None and is_editorial(update_fields):
        collection = collection_of(instance.specific_class)
        if collection is None or not collection.drafts or "latest_revision" not in update_fields:
            return None
    return PageSave(instance, using, update_fields)


class PageSave(RowSave):
    """One save of the row of a page."""

    def after(self, *, created: bool) -> None:
        """Record what the save means for the page and for those below it."""
        row = None if created else self.row
        page = self._stored()
        collection = collection_of(page.specific_class)
        move = moves.completed_by(page) if row is not None else None
        has_moved = row is not None and (move is not None or row.url_path != page.url_path)
        if collection is None and not has_moved:
            return
        before, after = self._moments(page, row, move)
        record_change(
            page,
            before,
            after,
            self.using,
            was=row and as_it_was(page, row),
            relevant=move is not None or self._is_relevant(collection, page, row),
            extra=DRAFT if is_editorial(self.update_fields or ("title",)) else NO_METADATA,
            below=has_moved and (self.update_fields is None or "slug" in self.update_fields),
        )

    def _stored(self) -> Any:
        """Return the page as it is now stored, as its specific type. Where possible that is the
        instance being saved, because it also holds the children that are saved after it."""
        instance, model = self.instance, self.instance.specific_class
        if model is None or collection_of(model) is None:
            return instance
        if isinstance(instance, model) and self.update_fields is None and is_plain(instance):
            return instance
        return model._base_manager.using(self.using).filter(pk=instance.pk).first() or instance

    def _moments(self, page: Any, row: Any, move: moves.PageMove | None) -> tuple[Moment, Moment]:
        """Return the moments before and after the save. The pages below are still stored with their
        old URLs."""
        roots, paths = read_roots(self.using), restricted(self.using)
        is_private = behind(paths)
        if row is None:
            return Moment(roots, is_private), Moment(roots, is_private)
        was_private, old, new = is_private, row.url_path, page.url_path
        if move is not None:
            inside = behind(path for path in paths if path.startswith(page.path))
            was_private = lambda path: move.was_behind or inside(path)  # noqa: E731
        if old == new:
            return Moment(roots, was_private), Moment(roots, is_private)
        return (
            Moment(roots.with_exactly(new, old), was_private),
            Moment(roots.moved(old, new), is_private, lambda path: moved(path, old, new)),
        )

    def _is_relevant(self, collection: PageCollection | None, page: Any, row: Any) -> bool:
        if row is None or collection is None:
            return True
        fields = self.update_fields
        if fields is not None and is_editorial(fields):
            return collection.drafts
        if not differs(row, page) or self._is_only_dated(row, page):
            return False
        try:
            return collection.is_relevant(as_it_was(page, row), page)
        except DatabaseError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a collection may raise
            report(collection, "determine a change (recorded as content.updated)", page, error)
            return True

    def _is_only_dated(self, row: Any, page: Any) -> bool:
        """Return whether the save only dates the first publication of a page that is live as it is:
        Wagtail's admin creates a page that is to be published at once as live, then publishes
        it."""
        if not row.live or row.last_published_at is not None or self.instance is not page:
            return False
        stored = type(page)._base_manager.using(self.using).filter(pk=page.pk).first()
        if stored is None:
            return False
        return not differs(row, page, DATED) and content_of(stored) == content_of(page)


def before_delete(
    sender: Any, instance: Any, using: str, origin: Any = None, **kwargs: Any
) -> None:
    """Determine what the deletion means while everything exists (receiver of ``pre_delete``).
    Wagtail has unpublished the instance by now, but not the row."""
    model = instance.specific_class
    collection = collection_of(model)
    if model is None or collection is None:
        return
    page = model._base_manager.using(using).filter(pk=instance.pk).first()
    if page is None:
        return
    cache = origin.__dict__ if hasattr(origin, "__dict__") else {}
    if _MOMENT not in cache:
        cache[_MOMENT] = Moment.now(using)
    found = updates(collection, page, cache[_MOMENT].view(collection, page), {})
    instance._state.__dict__[_DELETIONS] = found


def after_delete(sender: Any, instance: Any, using: str, **kwargs: Any) -> None:
    """Record the deletion in its transaction (receiver of ``post_delete``)."""
    found: list[Recorded] = instance._state.__dict__.pop(_DELETIONS, [])
    outbox.record(found, using=using)
