"""What the edits of a test recorded, in a form that reads well in assertions."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import pytest
from django.db import transaction
from django.db.models import Model
from django.db.models.signals import post_save

from spool_live import LiveCollection, unregister
from spool_live.capture import connect_all
from spool_live.collections import ITEM_NAMESPACE, registry
from spool_live.models import OutboxEntry, Site


class Recorded(NamedTuple):
    """One entry of the outbox: ``event`` without its ``content.`` prefix."""

    event: str
    collection: str
    item_id: uuid.UUID
    site: Site
    slug: str | None
    metadata: dict[str, Any]


class Recording:
    """Reads what was recorded since it was last called."""

    def __init__(self) -> None:
        self._seen: dict[str, int] = {}

    def __call__(self, using: str = "default") -> list[Recorded]:
        """The new entries on ``using``, oldest first."""
        entries = OutboxEntry.objects.using(using).filter(pk__gt=self._seen.get(using, 0))
        found = []
        for entry in entries.order_by("pk"):
            self._seen[using] = entry.pk
            event = entry.event_type.removeprefix("content.")
            site = Site(id=entry.site_id)
            found.append(
                Recorded(event, entry.collection, entry.item_id, site, entry.slug, entry.metadata)
            )
        return found

    def events(self, using: str = "default") -> list[tuple[str, str]]:
        """The new entries on ``using`` as pairs of event and collection."""
        return [(r.event, r.collection) for r in self(using)]


def item_id(item: Model) -> uuid.UUID:
    """The id under which subscribers know an item whose primary key is not a UUID."""
    return uuid.uuid5(ITEM_NAMESPACE, f"{item._meta.label_lower}:{item.pk}")


@contextmanager
def rolled_back(using: str = "default") -> Iterator[None]:
    """A transaction (a savepoint within another) that is rolled back at its end."""
    with transaction.atomic(using=using):
        yield
        transaction.set_rollback(True, using=using)


@contextmanager
def received_first(sender: type[Model], receiver: Callable[..., None]) -> Iterator[None]:
    """Connects a receiver of ``post_save`` before ours, as one of the project's own would be."""
    post_save.connect(receiver, sender=sender)
    connect_all()
    try:
        yield
    finally:
        post_save.disconnect(receiver, sender=sender)


@pytest.fixture
def recorded() -> Recording:
    """Reads the outbox."""
    return Recording()


@pytest.fixture
def site(db: None) -> Site:
    return Site.objects.create(name="Courier")


@pytest.fixture
def other_site(db: None) -> Site:
    return Site.objects.create(name="Parallax")


RegisterModel = Callable[..., LiveCollection]


@pytest.fixture
def register_model() -> Iterator[RegisterModel]:
    """Registers a model for the length of the test; keyword arguments are the class's body."""
    models: list[Any] = []

    def register(model: Any, **body: Any) -> LiveCollection:
        collection = type("Collection", (LiveCollection,), body)
        instance = registry.register(model, collection)
        models.append(model)
        return instance

    yield register
    for model in reversed(models):
        unregister(model)
