"""Recording an operation on pages by what it changed for the public.

django CMS changes pages by saves, by ``QuerySet.update()`` and by SQL, several of them for one
click. So the public state of the pages is read before an operation and after it, within its
transaction. An operation inside another one is recorded together with the outer one.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import DatabaseError, connections
from django.utils import translation

from spool_live import outbox
from spool_live.capture import transitions
from spool_live.capture.saving import one_transaction
from spool_live.capture.transitions import Recorded, Snapshot, Transition
from spool_live.contrib.djangocms import states
from spool_live.contrib.djangocms.collection import PageCollection, page_collection
from spool_live.contrib.djangocms.states import PageState
from spool_live.metadata import INVALID
from spool_live.updates import LiveUpdateData

logger = logging.getLogger(__name__)
_WATCH = "spool_live_djangocms"


class PageWatch:
    """The pages that an operation may change, as they were before it."""

    def __init__(self, collection: PageCollection, using: str) -> None:
        self.collection = collection
        self.using = using
        self._before: states.States = {}
        self._large: set[int] = set()
        self._edited: set[tuple[int, str | None]] = set()

    def page(self, pk: int | None) -> None:
        """Watch the page with the primary key ``pk``."""
        self._add([pk] if pk else [])

    def branch(self, page: Any) -> None:
        """Watch ``page`` and the pages below it."""
        limit = self.collection.most_descendants
        pages = states.below(page, self.using, limit + 1) if page.pk else []
        if len(pages) > limit:
            self._large.add(page.pk)
            pages = []
        self._add([page.pk, *pages] if page.pk else [])

    def created(self, pk: int) -> None:
        """Note that the operation created the page, unless it is watched already."""
        self._before.setdefault(pk, {})

    def edited(self, pk: int, language: str | None = None) -> None:
        """Note that the page has changed for the public, although its columns have not."""
        self._edited.add((pk, language))

    def record(self) -> None:
        """Record how the watched pages have changed."""
        after = states.read(self._before, self.using)
        updates: list[Recorded] = []
        for pk in [*after, *(pk for pk in self._before if pk not in after)]:
            before, now = self._before.get(pk, {}), after.get(pk, {})
            for language in sorted({*before, *now}):
                updates += self._compared(pk, language, before.get(language), now.get(language))
        outbox.record(updates, using=self.using)

    def _add(self, pages: Iterable[int]) -> None:
        unknown = [pk for pk in pages if pk not in self._before]
        found = states.read(unknown, self.using)
        self._before |= {pk: found.get(pk, {}) for pk in unknown}

    def _compared(
        self, pk: int, language: str, before: PageState | None, now: PageState | None
    ) -> list[Recorded]:
        known = now or before
        assert known is not None  # noqa: S101 - one of them brought the language
        is_same = before is not None and now is not None and _public(before) == _public(now)
        if is_same and {(pk, None), (pk, language)}.isdisjoint(self._edited):
            return []
        site_id = self._site_of(known)
        then, by_now = _snapshot(before, site_id), _snapshot(now, site_id)
        if now is None:
            found = transitions.deleted(then)
        elif is_same and not now.published:
            found = []
        else:
            found = transitions.changed(then, by_now)
        return [self._update(pk, language, t, before, known) for t in found]

    def _update(
        self,
        pk: int,
        language: str,
        transition: Transition,
        before: PageState | None,
        known: PageState,
    ) -> Recorded:
        extra: dict[str, Any] = {"locale": language, "page": pk, "path": known.path}
        if before and before.path is not None and known.path not in (None, before.path):
            extra["previous_path"] = before.path
            if pk in self._large:
                extra["descendants"] = True
        elif pk in self._large and before and before.path != known.path:
            extra["descendants"] = True
        extra |= transition.extra
        metadata = {**extra, **self._metadata(known, language), **extra}
        data = LiveUpdateData(
            transition.event_type,
            self.collection.name,
            self.collection.item_id_of(pk, language),
            transition.slug,
            metadata,
        )
        return transition.site_id, data

    def _site_of(self, state: PageState) -> Any:
        try:
            return _site_id(self.collection.get_site(state.page))
        except DatabaseError:
            raise
        except Exception:
            logger.exception(
                "%r cannot determine the site of page %s", self.collection, state.page.pk
            )
            return None

    def _metadata(self, state: PageState, language: str) -> dict[str, Any]:
        try:
            with translation.override(language):
                return dict(self.collection.get_metadata(state.content))
        except DatabaseError:
            raise
        except Exception:
            logger.exception("%r cannot give metadata of %r", self.collection, state.content)
            return {INVALID: True}


@contextmanager
def watching(using: str, look: Callable[[PageWatch], None]) -> Iterator[PageWatch | None]:
    """Record, at the end of the block, how it changed the pages that ``look`` adds to the watch.

    Within another such block, ``look`` adds its pages to the outer watch. Nothing is recorded for a
    block that raises, nor without a registered collection, where it yields ``None``.
    """
    collection = page_collection()
    if collection is None:
        yield None
        return
    connection = connections[using]
    outer: PageWatch | None = getattr(connection, _WATCH, None)
    if outer is not None:
        look(outer)
        yield outer
        return
    with one_transaction(using):
        watch = PageWatch(collection, using)
        setattr(connection, _WATCH, watch)
        try:
            look(watch)
            yield watch
        finally:
            delattr(connection, _WATCH)
        watch.record()


def _public(state: PageState) -> tuple[Any, ...]:
    return (state.slug, state.path, state.published, state.values if state.published else ())


def _snapshot(state: PageState | None, site_id: Any) -> Snapshot:
    if state is None:
        return Snapshot(site_id, visible=False)
    return Snapshot(site_id, state.slug, state.published, state.seen)


def _site_id(site: Any) -> uuid.UUID | None:
    found = getattr(site, "pk", site)
    return None if found is None else uuid.UUID(str(found))
