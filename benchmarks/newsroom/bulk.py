"""Ways to create many rows at once: plain Django, spool_live, and each peer."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from django.apps import apps
from django.db import connection
from django.db.models import Model
from django.utils import timezone

from benchmarks.newsroom import models
from spool_live.models import Site
from spool_live.updates import EventType, new_update_id

Create = Callable[[type[Model], Sequence[Model]], Any]


def create_plain(model: type[Model], stories: Sequence[Model]) -> None:
    """Create rows without capture: the baseline for all others."""
    model._default_manager.bulk_create(stories)


def create_recorded(model: type[Model], stories: Sequence[Model]) -> None:
    """Create rows with spool_live."""
    models.LiveStory.live.bulk_create(cast("Sequence[models.LiveStory]", stories))


@dataclass(frozen=True)
class Bulk:
    """A way to create many stories: its model and its function."""

    model: type[Model]
    create: Create = create_plain


def copy_beside(site: Site) -> Create:
    """Create rows and copy prepared outbox rows with COPY: the limit."""
    columns = "update_id, site_id, event_type, collection, item_id, timestamp, metadata"
    rows = [
        (
            new_update_id(),
            site.pk,
            EventType.CREATED.value,
            "live-storys",
            uuid.uuid4(),
            timezone.now(),
            json.dumps({"title": f"Story {n}", "n": 0}),
        )
        for n in range(1000)
    ]

    def create(model: type[Model], stories: Sequence[Model]) -> None:
        create_plain(model, stories)
        with (
            connection.cursor() as cursor,
            cursor.copy(f"COPY live_updates_outbox ({columns}) FROM STDIN") as copy,
        ):
            for row in rows:
                copy.write_row(row)

    return create


def BULK_PEERS() -> dict[str, Bulk]:  # noqa: N802
    """Return the installed peers that capture ``bulk_create``."""
    ways = {
        "reversion": ("django-reversion", "RevisedStory", _revise),
        "simple_history": ("django-simple-history", "HistoricStory", _keep_history),
        "pghistory": ("django-pghistory", "TriggeredStory", create_plain),
    }
    return {
        name: Bulk(getattr(models, model), create)
        for app, (name, model, create) in ways.items()
        if apps.is_installed(app)
    }


def _revise(model: type[Model], stories: Sequence[Model]) -> None:
    import reversion

    with reversion.create_revision():
        create_plain(model, stories)
        for story in stories:
            reversion.add_to_revision(story)


def _keep_history(model: type[Model], stories: Sequence[Model]) -> None:
    from simple_history.utils import bulk_create_with_history

    bulk_create_with_history(stories, model)
