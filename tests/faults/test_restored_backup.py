"""The content database is restored from a backup; Supabase and the subscribers remember more."""

from __future__ import annotations

from typing import Any

import pytest
from django.db.models import Model

from spool_live import keys, outbox
from spool_live.delivery import deliver_pending
from spool_live.models import OutboxEntry, Site, SiteApiKey, SiteDelivery, SiteMirror
from tests.faults.conftest import Clock, record
from tests.faults.receiver import FaultyReceiver

pytestmark = pytest.mark.django_db

TABLES: tuple[type[Model], ...] = (SiteApiKey, SiteMirror, SiteDelivery, OutboxEntry)


class Backup:
    """What the tables of the engine held when it was made."""

    def __init__(self) -> None:
        self._rows: dict[type[Model], list[Any]] = {
            table: list(table._base_manager.all()) for table in TABLES
        }

    def restore(self) -> None:
        for table, rows in self._rows.items():
            table._base_manager.all().delete()
            table._base_manager.bulk_create(rows)


def deliver() -> None:
    for _ in range(3):
        deliver_pending("default", pause=lambda seconds: None)


def test_what_the_backup_still_had_to_deliver_is_not_written_twice(
    receiver: FaultyReceiver, site: Site, clock: Clock
) -> None:
    record(site, 2)
    deliver()
    record(site, 3)
    backup = Backup()
    deliver()
    backup.restore()
    deliver()
    assert receiver.seqs(site.pk) == [1, 2, 3, 4, 5]
    assert set(OutboxEntry.objects.values_list("state", flat=True)) == {"delivered"}


def test_batch_that_was_claimed_when_the_backup_was_made(
    receiver: FaultyReceiver, site: Site, clock: Clock
) -> None:
    record(site, 3)
    assert outbox.claim_batch("default") is not None
    backup = Backup()
    clock.advance(minutes=2)
    record(site, 2)
    deliver()
    backup.restore()
    record(site, 2)
    deliver()
    seqs = receiver.seqs(site.pk)
    assert seqs == sorted(set(seqs))
    assert len(seqs) == 7
    assert set(OutboxEntry.objects.values_list("state", flat=True)) == {"delivered"}


@pytest.mark.parametrize(("forgotten", "fresh"), [(4, 3), (1, 1), (1, 3), (3, 1)])
def test_new_edits_go_on_above_what_the_backup_does_not_know(
    forgotten: int, fresh: int, receiver: FaultyReceiver, site: Site, clock: Clock
) -> None:
    record(site, 2)
    deliver()
    backup = Backup()
    record(site, forgotten)
    deliver()
    backup.restore()
    record(site, fresh)
    deliver()
    known, new = receiver.seqs(site.pk)[: 2 + forgotten], receiver.seqs(site.pk)[2 + forgotten :]
    assert known == list(range(1, 2 + forgotten + 1))
    assert len(new) == fresh
    # Numbers that catch-up has shown are not given to others: there may be a gap before them.
    assert new == list(range(new[0], new[0] + fresh))
    assert new[0] > known[-1]
    assert set(OutboxEntry.objects.values_list("state", flat=True)) == {"delivered"}


def test_subscriber_who_is_ahead_is_told_to_fetch_afresh(
    receiver: FaultyReceiver, site: Site, clock: Clock
) -> None:
    record(site, 2)
    deliver()
    backup = Backup()
    record(site, 4)
    deliver()
    backup.restore()
    page = outbox.catch_up("default", site.pk, after=6, limit=10)
    assert (page.status, page.seq) == ("reset", 2)


@pytest.mark.parametrize("forgotten", [1, 2, 3])
def test_revocation_after_a_restore_counts(
    forgotten: int, receiver: FaultyReceiver, site: Site, clock: Clock
) -> None:
    """Supabase holds a newer version of the site than the backup: ours goes above it."""
    key, _ = keys.create_key(site, name="front end")
    record(site)
    deliver()
    backup = Backup()
    for _ in range(forgotten):
        keys.revoke_key(keys.create_key(site, name="another")[0])
        record(site)
        deliver()
    known = dict(receiver.mirrored[str(site.pk)])
    backup.restore()
    keys.revoke_key(SiteApiKey.objects.get(pk=key.pk))
    record(site)
    deliver()
    now = receiver.mirrored[str(site.pk)]
    assert now["version"] > known["version"]
    assert now["epoch"] > known["epoch"]
    assert now["api_keys"] == [], "a key that is left out has no right"
