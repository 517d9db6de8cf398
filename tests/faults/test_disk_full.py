"""The disk of the content database is full: an edit fails as a whole, and delivery goes on later.

The file system refuses the growth of a table (a limit on the size of files, for the server's side
of our connection alone): the same refusal, at the same place, as a full disk.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.conf import settings
from django.db import DatabaseError, connection, transaction

from spool_live.broadcasters.memory import MemoryBroadcaster
from spool_live.delivery import deliver_pending
from spool_live.models import OutboxEntry, Site, SiteDelivery
from spool_live.outbox import batch
from tests.faults.conftest import record
from tests.outbox.conftest import Clock
from tests.testapp.models import Note

if sys.platform == "linux":
    from resource import RLIM_INFINITY, RLIMIT_FSIZE, prlimit

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(sys.platform != "linux", reason="needs prlimit"),
    pytest.mark.skipif(settings.CONTENT != "postgresql", reason="limits a server of PostgreSQL"),
]

LOG_SEGMENT = 16 * 1024 * 1024
"""Size of a file of the write-ahead log, which must still be written."""


@contextmanager
def disk_full() -> Iterator[None]:
    """The outbox has no room between its rows, and cannot grow by another page."""
    with connection.cursor() as cursor:
        cursor.execute("vacuum full live_updates_outbox")
        cursor.execute("select pg_relation_size('live_updates_outbox'), pg_backend_pid()")
        size, backend = cursor.fetchone()
    assert size > LOG_SEGMENT
    prlimit(backend, RLIMIT_FSIZE, (size, RLIM_INFINITY))
    try:
        yield
    finally:
        prlimit(backend, RLIMIT_FSIZE, (RLIM_INFINITY, RLIM_INFINITY))


@pytest.fixture
def site(db: None) -> Site:
    """A site whose outbox holds a long history."""
    site = Site.objects.create(name="Courier")
    with connection.cursor() as cursor:
        cursor.execute("truncate live_updates_outbox")
        cursor.execute(
            "insert into live_updates_outbox (update_id, site_id, event_type, collection, item_id,"
            " timestamp, metadata, state, slug) select gen_random_uuid(), %s, 'content.updated',"
            " 'old', gen_random_uuid(), now(), '{}', 'delivered', repeat('x', 1700)"
            " from generate_series(1, 10000)",
            [site.pk],
        )
    return site


def deliver() -> None:
    deliver_pending("default", pause=lambda seconds: None)


def save_many(site: Site) -> None:
    with batch():
        for n in range(100):
            Note.objects.create(site=site, text=str(n))


def test_edit_fails_as_a_whole(site: Site) -> None:
    before = OutboxEntry.objects.count()
    with disk_full(), pytest.raises(DatabaseError, match="could not extend file"):
        save_many(site)
    assert not Note.objects.exists()
    assert OutboxEntry.objects.count() == before
    Note.objects.create(site=site, text="there is room again")
    deliver()
    assert [update.seq for update in MemoryBroadcaster.updates] == [1]


def test_savepoint_is_enough_for_an_editor_who_goes_on(site: Site) -> None:
    with disk_full(), transaction.atomic():
        with pytest.raises(DatabaseError), transaction.atomic():
            record(site, 100)
        Site.objects.filter(pk=site.pk).update(name="Herald")
    assert Site.objects.get().name == "Herald"
    assert not OutboxEntry.objects.filter(state="pending").exists()


def test_delivery_goes_on_when_there_is_room(site: Site, clock: Clock) -> None:
    with transaction.atomic():
        record(site, 100)
    with disk_full():
        deliver()
    assert MemoryBroadcaster.updates == []
    assert set(OutboxEntry.objects.filter(state="pending").values_list("seq", flat=True)) == {None}
    assert not SiteDelivery.objects.filter(pk=site.pk, lease_token__isnull=False).exists()
    clock.advance(minutes=6)  # where there was room to write it, the site waits for a moment
    deliver()
    assert [update.seq for update in MemoryBroadcaster.updates] == list(range(1, 101))
