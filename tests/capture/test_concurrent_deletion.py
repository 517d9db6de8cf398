"""One editor deletes what another is saving."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.conf import settings
from django.db import connections
from django.db.models.signals import pre_delete

from spool_live.models import OutboxEntry, Site
from tests.testapp.models import Note

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(settings.CONTENT == "sqlite", reason="has one writer at a time"),
]


@contextmanager
def saved_by_another_just_before(note: Note) -> Iterator[None]:
    """Another editor's save commits when the deletion of ``note`` has begun."""

    def save() -> None:
        try:
            Note(pk=note.pk, site_id=note.site_id, text="by another").save(force_update=True)
        finally:
            connections.close_all()

    def meanwhile(**kwargs: Any) -> None:
        other = threading.Thread(target=save)
        other.start()
        other.join(30)

    pre_delete.connect(meanwhile, sender=Note)
    try:
        yield
    finally:
        pre_delete.disconnect(meanwhile, sender=Note)


def test_deletion_comes_last() -> None:
    note = Note.objects.create(site=Site.objects.create(name="Courier"), text="mine")
    with saved_by_another_just_before(note):
        note.delete()
    events = OutboxEntry.objects.order_by("id").values_list("event_type", flat=True)
    assert list(events) == ["content.created", "content.updated", "content.deleted"]


def test_deletion_of_many_comes_last() -> None:
    site = Site.objects.create(name="Courier")
    note, _ = (Note.objects.create(site=site, text=str(n)) for n in range(2))
    with saved_by_another_just_before(note):
        Note.objects.filter(site=site).delete()
    events = OutboxEntry.objects.order_by("id").values_list("event_type", flat=True)
    assert list(events)[-2:] == ["content.deleted"] * 2
