"""From an item to the updates that a change of it calls for, in the words of its collection.

A collection that raises costs its metadata or, where it cannot even tell the site, the update, and
a log line; never the editor's save. Only errors of the database go through: there the edit and its
update stand or fall together.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from django.db import DatabaseError
from django.db.models import Model

from spool_live.capture.transitions import Snapshot, Transition
from spool_live.collections import LiveCollection
from spool_live.updates import LiveUpdateData

logger = logging.getLogger(__name__)


def snapshot(collection: LiveCollection, item: Model) -> Snapshot:
    """What matters of ``item`` as it is."""
    site_id = collection.site_id_of(item)
    if not collection.compares_rows:
        return Snapshot(site_id)
    return Snapshot(
        site_id=site_id,
        slug=collection.get_slug(item),
        published=collection.is_published(item) if collection.has_publish_state else None,
        announced=collection.announces(item),
    )


def updates_of(
    collection: LiveCollection, item: Model, tell: Callable[[], list[Transition]]
) -> list[tuple[uuid.UUID, LiveUpdateData]]:
    """What is to be recorded for ``item``: the transitions that ``tell`` answers, with its site's
    id, its name and its metadata."""
    try:
        found = tell()
    except DatabaseError:
        raise
    except Exception:
        logger.exception("%r cannot tell the change of %s: not recorded", collection, item.pk)
        return []
    if not found:
        return []
    item_id = collection.item_id_of(item)
    metadata = _metadata(collection, item)
    return [(t.site_id, _as_update(collection, item_id, t, metadata)) for t in found]


def _as_update(
    collection: LiveCollection,
    item_id: uuid.UUID,
    transition: Transition,
    metadata: Mapping[str, Any],
) -> LiveUpdateData:
    if extra := transition.extra:
        metadata = {**extra, **metadata, **extra}  # first, so that it is never cut
    return LiveUpdateData(
        transition.event_type, collection.name, item_id, transition.slug, metadata
    )


def _metadata(collection: LiveCollection, item: Model) -> Mapping[str, Any]:
    try:
        return dict(collection.get_metadata(item))
    except DatabaseError:
        raise
    except Exception:
        logger.exception("%r.get_metadata failed for %s: recorded without", collection, item.pk)
        return {"invalid": True}
