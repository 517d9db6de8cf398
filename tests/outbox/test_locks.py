"""Editors' transactions and delivery do not wait for each other, and no update overtakes a change
of keys, whenever that is committed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext

from spool_live import keys, outbox
from spool_live.broadcasters.memory import MemoryBroadcaster
from spool_live.delivery import deliver_and_mirror, mirror
from spool_live.local.processes import wait_until
from spool_live.models import OutboxEntry, Site, SiteDelivery, SiteMirror
from spool_live.outbox import claim_postgresql, wanted
from tests.delivery.conftest import Recording
from tests.outbox.conftest import update
from tests.sessions import threads

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(settings.CONTENT != "postgresql", reason="SQLite has one writer"),
]

Live = Callable[..., None]


def record(site: Site, number: int = 1) -> None:
    outbox.record([(site.pk, update()) for _ in range(number)], using="default")


def deliver(broadcaster: MemoryBroadcaster | None = None) -> int:
    report = deliver_and_mirror(
        "default", broadcaster=broadcaster or MemoryBroadcaster(), pause=lambda seconds: None
    )
    return report.delivered


@contextmanager
def editor_who_holds(site: Site) -> Iterator[None]:
    """An editor's transaction on a connection of its own that has saved ``site`` and stays open."""
    saved, go_on = threading.Event(), threading.Event()

    def edit() -> None:
        with transaction.atomic():
            mine = Site.objects.get(pk=site.pk)
            mine.name = "being renamed"
            mine.save()
            saved.set()
            assert go_on.wait(60)

    with threads(1) as start:
        editing = start(edit)
        try:
            assert saved.wait(30)
            yield
        finally:
            go_on.set()
            editing.result(30)


def test_site_that_an_editor_holds_is_delivered_like_the_others() -> None:
    held, other = Site.objects.create(name="held"), Site.objects.create(name="other")
    assert deliver() == 0
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = '5s'")
    with editor_who_holds(held):
        record(held, 3)
        record(other, 2)
        assert deliver() == 5
        assert not OutboxEntry.objects.filter(state=OutboxEntry.State.PENDING).exists()
    assert deliver() == 0
    state, changed = SiteDelivery.objects.get(pk=held.pk), SiteMirror.objects.get(pk=held.pk)
    assert state.acknowledged_version == changed.version
    assert changed.pending == SiteMirror.Pending.NONE


def test_site_that_changes_while_it_is_mirrored_stays_on_the_list() -> None:
    """The editor's transaction has locked its row when the acknowledgement comes: delivery does
    not wait, and the change is not lost."""
    site = Site.objects.create(name="Courier")
    with editor_who_holds(site):
        assert mirror.mirror_pending("default", MemoryBroadcaster()) == 1
        assert SiteMirror.objects.get().pending == SiteMirror.Pending.CHANGED
    assert outbox.behind("default").exists()
    assert mirror.mirror_pending("default", MemoryBroadcaster()) == 1
    assert not outbox.behind("default").exists()
    assert not outbox.is_anything_waiting("default")


def test_site_that_somebody_waits_for_is_hastened_past_one_that_an_editor_holds() -> None:
    held, other = Site.objects.create(name="held"), Site.objects.create(name="other")
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = '5s'")
    with editor_who_holds(held):
        outbox.want(held.pk)
        outbox.want(other.pk)
        wanted.wishes.write_now()
    assert dict(SiteMirror.objects.values_list("pk", "pending")) == {
        held.pk: SiteMirror.Pending.CHANGED,
        other.pk: SiteMirror.Pending.RIGHT_LOST,
    }


def test_site_that_supabase_is_ahead_of_and_an_editor_holds_waits_alone() -> None:
    site = Site.objects.create(name="Courier")
    deliver()
    MemoryBroadcaster.sites[str(site.pk)].update(version=70, epoch=9)
    other = Site.objects.create(name="Herald")
    record(site)
    SiteMirror.objects.filter(pk=site.pk).update(version=3, pending=1)
    with editor_who_holds(site):
        record(other)
        assert deliver() == 1
    SiteDelivery.objects.update(retry_at=None, mirror_retry_at=None)
    assert deliver() == 1
    assert SiteMirror.objects.get(pk=site.pk).version == 71


@contextmanager
def paused_after_the_lease() -> Iterator[None]:
    """Every claim stops between its lease and its entries for as long as the block runs."""
    make = """
        create function wait_after_lease() returns trigger language plpgsql as $$
        begin
          perform pg_advisory_xact_lock(4711);
          return null;
        end $$;
        create trigger wait_after_lease after insert or update of lease_token
          on live_site_deliveries
          for each statement execute function wait_after_lease();
    """
    conninfo = settings.LOCAL_SUPABASE.conninfo("postgres")
    with psycopg.connect(conninfo, autocommit=True) as session:
        session.execute(make)
        session.execute("select pg_advisory_lock(4711)")
        try:
            yield
        finally:
            session.execute("select pg_advisory_unlock(4711)")
            session.execute("drop function wait_after_lease() cascade")


def is_paused() -> bool:
    with connections["default"].cursor() as cursor:
        cursor.execute("select count(*) from pg_locks where locktype = 'advisory' and not granted")
        return bool(cursor.fetchone()[0])


@pytest.mark.parametrize("in_steps", [False, True], ids=["at once", "in steps"])
def test_revocation_between_lease_and_entries_goes_first(
    in_steps: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The edit is newer than the revocation, so no old key may see it."""
    if in_steps:
        monkeypatch.setattr(claim_postgresql, "goes_at_once", lambda using: False)
    site = Site.objects.create(name="Courier")
    key, _ = keys.create_key(site, name="x")
    deliver()
    record(site)
    broadcaster = Recording()
    claims: list[Any] = []

    def work() -> None:
        claim = outbox.claim_batch("default")
        assert claim is not None
        claims.append(claim)

    with threads(1) as start:
        with paused_after_the_lease():
            working = start(work)
            wait_until(is_paused)
            keys.revoke_key(key)
            record(site)
        working.result(30)
    [claim] = claims
    assert len(claim.entries) == 2, "the edit after the revocation is in the claim"
    assert claim.sites[site.pk].is_behind
    outbox.settle(claim, outbox.Settlement())
    assert deliver(broadcaster) == 2
    assert broadcaster.names == ["mirror", "broadcast"]
    assert MemoryBroadcaster.sites[str(site.pk)]["api_keys"] == []


def test_revocation_just_before_the_entries_are_taken_goes_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """However late it is committed: the keys are read after the entries."""
    monkeypatch.setattr(claim_postgresql, "goes_at_once", lambda using: False)
    site = Site.objects.create(name="Courier")
    key, _ = keys.create_key(site, name="x")
    deliver()
    record(site)
    done: list[str] = []

    def revoke() -> None:
        keys.revoke_key(key)
        record(site)

    def revoke_before_taking(execute: Any, sql: str, *rest: Any) -> Any:
        if "fitting AS" in sql and not done:
            done.append(sql)
            with threads(1) as start:
                start(revoke).result(30)
        return execute(sql, *rest)

    with connection.execute_wrapper(revoke_before_taking):
        claim = outbox.claim_batch("default")
    assert done
    assert claim is not None
    assert len(claim.entries) == 2
    assert claim.sites[site.pk].is_behind


def test_claim_at_once_reads_of_the_keys_after_its_entries() -> None:
    site = Site.objects.create(name="Courier")
    record(site)
    with CaptureQueriesContext(connection) as queries:
        assert outbox.claim_batch("default") is not None
    [claim] = [query["sql"] for query in queries if "fitting AS" in query["sql"]]
    assert claim.index("spool_live.leased', ") < claim.index("fitting AS")
    assert claim.index("fitting AS") < claim.index("AS is_behind")
