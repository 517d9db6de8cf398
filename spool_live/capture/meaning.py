"""From a change of an item to the updates to record, as its collection describes them.

A collection that raises never costs the editor's save. Where it cannot determine what a change
means, ``content.updated`` is recorded for the site; where it cannot give metadata, the update is
recorded without. Only database errors are raised to the caller, so that the edit and its update are
rolled back together.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from types import TracebackType
from typing import Any, Self

from django.db import DatabaseError
from django.db.models import Model

from spool_live.capture import transitions
from spool_live.capture.languages import LOCALE, in_its_language
from spool_live.capture.transitions import Recorded, Snapshot, Transition
from spool_live.collections import LiveCollection
from spool_live.metadata import INVALID
from spool_live.tags import CACHE_TAGS, default_tags, fitting
from spool_live.updates import LiveUpdateData

logger = logging.getLogger(__name__)

_reported: set[tuple[str, str, type[BaseException]]] = set()
"""Errors of collections that were logged already: collection, task and exception class."""


class Meaning:
    """What a change of ``item`` means to ``collection``; ``before`` is the item as it was stored.

    ::

        with Meaning(collection, item) as meaning:
            meaning.transitions = transitions.created(snapshot(collection, item))
        outbox.record(meaning.updates(), using=using)

    An exception that the collection raises inside the block is logged, and ``transitions`` are then
    those that follow from the sites alone. A ``DatabaseError`` is raised to the caller.
    """

    def __init__(
        self, collection: LiveCollection, item: Model, before: Model | None = None
    ) -> None:
        self.collection = collection
        self.item = item
        self.before = before
        self.transitions: list[Transition] = []
        self.is_determined = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        if error is None or not isinstance(error, Exception) or isinstance(error, DatabaseError):
            return False
        self.is_determined = False
        self.transitions = self._undetermined()
        kept = "recorded as content.updated" if self.transitions else "not recorded"
        report(self.collection, f"determine a change ({kept})", self.item, error)
        return True

    def updates(self) -> list[Recorded]:
        """Return the updates to record, each with its site's id."""
        if not self.transitions:
            return []
        collection, item_id = self.collection, self.collection.item_id_of(self.item)
        metadata = self._metadata() if self.is_determined else {INVALID: True}
        tags = self._tags() if collection.has_own_tags else None
        if collection.has_locale:
            metadata = self._located(metadata)
        return [
            (
                t.site_id,
                LiveUpdateData(
                    t.event_type, collection.name, item_id, t.slug, self._whole(t, metadata, tags)
                ),
            )
            for t in self.transitions
        ]

    def _whole(
        self, transition: Transition, metadata: Mapping[str, Any], tags: list[str] | None
    ) -> Mapping[str, Any]:
        """Return the whole metadata of the update for ``transition``. What capture adds comes
        first, so that it is never cut, and wins over a project's entry of the same name, except for
        ``cache_tags``."""
        extra: Mapping[str, Any] = transition.extra
        if tags is not None:
            name, item_id = self.collection.name, self.collection.item_id_of(self.item)
            before = extra.get("previous_slug")
            known = default_tags(name, item_id, transition.slug, before)
            tags = fitting([*known, *tags])
            return {**extra, CACHE_TAGS: tags, **metadata, **extra}
        return {**extra, **metadata, **extra} if extra else metadata

    def _tags(self) -> list[str]:
        found: list[str] = []
        for item in filter(None, (self.item, self.before)):
            try:
                with in_its_language(self.collection, item):
                    found += [str(tag) for tag in self.collection.get_cache_tags(item)]
            except DatabaseError:
                raise
            except Exception as error:  # noqa: BLE001 - whatever a collection may raise
                report(self.collection, "give cache tags (recorded without)", item, error)
        return found

    def _located(self, metadata: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return ``metadata`` with the language of the item, which comes first so that it is never
        cut. A ``locale`` that the project put into ``metadata`` wins."""
        try:
            locale = self.collection.get_locale(self.item)
        except DatabaseError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a collection may raise
            report(self.collection, "give a locale (recorded without)", self.item, error)
            return metadata
        return metadata if locale is None else {LOCALE: str(locale), **metadata}

    def _undetermined(self) -> list[Transition]:
        site_id_of = self.collection.site_id_of
        after = _if_known(site_id_of, self.item)
        before = after if self.before is None else _if_known(site_id_of, self.before)
        return transitions.undetermined(before, after)

    def _metadata(self) -> Mapping[str, Any]:
        try:
            with in_its_language(self.collection, self.item):
                return dict(self.collection.get_metadata(self.item))
        except DatabaseError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a collection may raise
            report(self.collection, "give metadata (recorded without)", self.item, error)
            return {INVALID: True}


def snapshot(collection: LiveCollection, item: Model, at: datetime | None = None) -> Snapshot:
    """Return the snapshot of ``item``, with its publish state at the moment ``at`` (default:
    now)."""
    site_id = collection.site_id_of(item)
    if not collection.compares_rows:
        return Snapshot(site_id)
    with in_its_language(collection, item):
        return Snapshot(
            site_id=site_id,
            slug=collection.get_slug(item),
            published=collection.is_public(item, at) if collection.has_publish_state else None,
            visible=collection.is_visible(item),
        )


def snapshot_if_any(collection: LiveCollection, item: Model) -> Snapshot | None:
    """Return the snapshot of ``item``, or ``None`` where the collection raises: the error is
    reported when a ``Meaning`` of the item is determined. Raises ``DatabaseError``."""
    try:
        return snapshot(collection, item)
    except DatabaseError:
        raise
    except Exception:  # noqa: BLE001 - see above
        return None


def compared(collection: LiveCollection, before: Model, after: Model) -> list[Transition]:
    """Return the transitions for a change from ``before`` to ``after``; none where the collection
    says that the change is not relevant."""
    found = transitions.changed(snapshot(collection, before), snapshot(collection, after))
    if collection.judges_relevance and len(found) == 1 and found[0].is_plain:
        return found if collection.is_relevant(before, after) else []
    return found


def report(collection: LiveCollection, task: str, item: Model, error: Exception) -> None:
    """Log that ``collection`` failed at ``task``: as an error the first time, later at debug level,
    so that a collection that always fails does not fill the log."""
    kind = (collection.name, task, type(error))
    level = logging.DEBUG if kind in _reported else logging.ERROR
    _reported.add(kind)
    logger.log(level, "%r cannot %s of %s", collection, task, item.pk, exc_info=error)


def forget_reports() -> None:
    """Log every error as an error again, because the registrations have changed."""
    _reported.clear()


def _if_known(ask: Callable[[Model], Any], item: Model) -> Any:
    try:
        return ask(item)
    except DatabaseError:
        raise
    except Exception:  # noqa: BLE001 - it is reported already
        return None
