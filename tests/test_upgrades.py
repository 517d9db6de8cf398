"""Installations with data are brought from one schema to the next, and back, under traffic."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import OperationalError, connections
from django.utils import timezone
from pytest_django.plugin import DjangoDbBlocker

from spool_live import keys, outbox, webhooks
from spool_live.broadcasters.memory import MemoryBroadcaster
from spool_live.conf import live_settings
from spool_live.delivery import deliver_and_mirror, mirror
from spool_live.models import (
    OutboxEntry,
    Site,
    SiteApiKey,
    SiteDelivery,
    SiteMirror,
    WebhookEndpoint,
)
from spool_live.supabase import under_traffic
from tests.outbox.conftest import update
from tests.scratch import fresh_project
from tests.webhooks.receiving import LOOPBACK, receiving

on_postgresql = pytest.mark.skipif(
    settings.CONTENT != "postgresql", reason="other databases lock as they please"
)


@pytest.fixture
def project(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, tmp_path: Path
) -> Iterator[str]:
    """A project as its first release left it; the alias of the Supabase database."""
    with django_db_blocker.unblock(), fresh_project("grant-all", tmp_path) as alias:
        for name in dict.fromkeys(["default", alias]):
            # What users and content types need, which the API keys refer to.
            if name == "default":
                call_command("migrate", "auth", database=name, verbosity=0)
            call_command("migrate", "spool_live", "0002", database=name, verbosity=0)
        yield alias


def migrate(*target: str) -> None:
    for alias in dict.fromkeys(["default", live_settings().supabase_database]):
        call_command("migrate", "spool_live", *target, database=alias, verbosity=0)


def insert(table: str, **values: Any) -> None:
    names = ", ".join(values)
    places = ", ".join(["%s"] * len(values))
    connection = connections["default"]
    given = [
        value.hex
        if isinstance(value, uuid.UUID) and not connection.features.has_native_uuid_field
        else value
        for value in values.values()
    ]
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {table} ({names}) VALUES ({places})", given)


def site(name: str, **state: Any) -> uuid.UUID:
    """A site of the first release, with the state of its delivery."""
    site_id = uuid.uuid4()
    if "deleted_at" not in state:
        insert("sites", id=site_id, name=name)
    known = {"version": 1, "acknowledged_version": 0, "epoch": 1, "acknowledged_epoch": 0}
    counted = {"last_seq": 0, "merged": 0, "history_floor": 0, "failures": 0, "last_error": ""}
    insert("live_site_deliveries", site_id=site_id, **{**counted, **known, **state})
    return site_id


NOW = "2026-07-01 12:00:00+00:00"


def test_state_of_sites_survives_and_delivery_goes_on(project: str) -> None:
    even = {"version": 7, "acknowledged_version": 7, "epoch": 3, "acknowledged_epoch": 3}
    quiet = site("quiet", last_seq=41, history_floor=12, merged=5, **even)
    changed = site("changed", last_seq=2, **{**even, "version": 8})
    revoked = site("revoked", **{**even, "version": 8, "epoch": 4})
    gone = site("gone", deleted_at=NOW, **{**even, "version": 9})
    forgotten = site("forgotten", deleted_at=NOW, **even)
    migrate()
    mirrors = SiteMirror.objects.in_bulk()
    assert {pk: (m.version, m.epoch, m.pending) for pk, m in mirrors.items()} == {
        quiet: (7, 3, 0),
        changed: (8, 3, 1),
        revoked: (8, 4, 2),
        gone: (9, 3, 1),
        forgotten: (7, 3, 0),
    }
    assert {pk for pk, m in mirrors.items() if m.deleted_at} == {gone, forgotten}
    states = SiteDelivery.objects.in_bulk()
    kept = states[quiet]
    assert (kept.last_seq, kept.history_floor, kept.merged) == (41, 12, 5)
    assert (kept.acknowledged_version, kept.acknowledged_epoch) == (7, 3)
    assert {pk for pk, state in states.items() if state.deleted_at} == {forgotten}
    assert set(outbox.behind("default").values_list("pk", flat=True)) == {changed, revoked, gone}
    assert outbox.next_to_mirror("default", 10)[0] == revoked

    for site_id in (quiet, changed):
        outbox.record([(site_id, update())], using="default")
    report = deliver_and_mirror("default", broadcaster=Knowing(quiet), pause=lambda seconds: None)
    assert report.delivered == 2
    assert {u.site_id: u.seq for u in MemoryBroadcaster.updates} == {quiet: 42, changed: 3}
    assert MemoryBroadcaster.sites[str(gone)]["deleted"] is True
    assert str(forgotten) not in MemoryBroadcaster.sites
    assert not outbox.behind("default").exists()


class Knowing(MemoryBroadcaster):
    """Knows a site from before."""

    def __init__(self, site_id: uuid.UUID) -> None:
        known = {"site_id": str(site_id), "version": 7, "epoch": 3, "deleted": False}
        self.mirror(known)


def test_back_again_keeps_what_has_happened_since(project: str) -> None:
    old = site("old", version=7, acknowledged_version=7, epoch=3, acknowledged_epoch=3)
    migrate()
    outbox.site_changed(old, using="default", right_lost=True)
    fresh = Site.objects.create(name="fresh")
    migrate("0002")
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT site_id, version, epoch, last_seq FROM live_site_deliveries")
        found = {uuid.UUID(str(site_id)): rest for site_id, *rest in cursor.fetchall()}
    assert found == {old: [8, 4, 0], fresh.pk: [2, 1, 0]}
    migrate()
    assert SiteMirror.objects.get(pk=old).epoch == 4


def test_entries_that_wait_are_found_by_the_new_index(project: str) -> None:
    site_id = site("old", version=1, acknowledged_version=1)
    for _ in range(3):
        insert(
            "live_updates_outbox",
            update_id=uuid.uuid4(),
            site_id=site_id,
            event_type="content.updated",
            collection="articles",
            item_id=uuid.uuid4(),
            slug="ferry",
            timestamp=timezone.now(),
            metadata="{}",
        )
    migrate()
    assert OutboxEntry.objects.filter(state="pending").count() == 3
    claim = outbox.claim_batch("default")
    assert claim is not None
    assert [entry.seq for entry in claim.entries] == [1, 2, 3]


@on_postgresql
class TestUnderTraffic:
    @pytest.fixture
    def editor(self, project: str) -> Iterator[psycopg.Connection[Any]]:
        """An editor's transaction that has changed a site and stays open."""
        site_id = site("old")
        given = connections["default"].settings_dict
        conninfo = settings.LOCAL_SUPABASE.conninfo("postgres")
        with psycopg.connect(conninfo, dbname=given["NAME"]) as session:
            query = "update live_site_deliveries set version = version + 1 where site_id = %s"
            session.execute(query, [site_id])
            yield session
            session.rollback()

    def test_waits_for_a_transaction_that_holds_the_table(
        self, editor: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(under_traffic, "LOCK_TIMEOUT", "50ms")
        pauses: list[float] = []

        def pause(seconds: float) -> None:
            pauses.append(seconds)
            if len(pauses) == 3:
                editor.commit()

        monkeypatch.setattr("spool_live.supabase.under_traffic.time.sleep", pause)
        migrate()
        assert len(pauses) == 3
        assert SiteMirror.objects.get().version == 2

    def test_one_that_does_not_end_is_named_and_nothing_is_changed(
        self, editor: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(under_traffic, "LOCK_TIMEOUT", "10ms")
        monkeypatch.setattr(under_traffic, "TRIES", 3)
        with pytest.raises(OperationalError, match="pg_stat_activity"):
            migrate()
        editor.rollback()
        migrate()
        assert SiteMirror.objects.get().version == 1

    def test_index_that_an_interrupted_run_left_is_built_again(self, project: str) -> None:
        migrate("0003")
        with connections["default"].cursor() as cursor:
            cursor.execute("create index live_outbox_waiting on live_updates_outbox (id)")
        migrate()
        with connections["default"].cursor() as cursor:
            query = "select indexdef from pg_indexes where indexname = 'live_outbox_waiting'"
            cursor.execute(query)
            assert "(site_id, seq, id)" in cursor.fetchone()[0]


class TestMirrorFunction:
    """A rolling upgrade: workers of one release meet the function of the other."""

    @pytest.fixture
    def old_function(self, project: str) -> str:
        return project

    def call(self, alias: str, payload: Any) -> Any:
        with connections[alias].cursor() as cursor:
            cursor.execute("select public.spool_live_mirror(%s)", [json.dumps(payload)])
            return json.loads(cursor.fetchone()[0])

    def payload(self, **changes: Any) -> dict[str, Any]:
        given = {"site_id": str(uuid.uuid4()), "version": 1, "epoch": 1, "deleted": False}
        return {**given, "name": None, "api_keys": [], **changes}

    def test_old_one_refuses_many_sites_as_a_whole(self, old_function: str) -> None:
        """So that a new worker sends them one by one."""
        with pytest.raises(Exception, match="null value") as refusal:
            self.call(old_function, [self.payload(), self.payload()])
        assert refusal.value.__cause__.sqlstate == "23502"  # type: ignore[union-attr]

    def test_new_one_takes_what_an_old_worker_sends(self, project: str) -> None:
        migrate()
        revoked = {"id": str(uuid.uuid4()), "expires_at": None, "revoked_at": NOW}
        answer = self.call(project, self.payload(api_keys=[revoked]))
        assert answer == {"version": 1, "epoch": 1, "deleted": False, "applied": True}


def test_key_made_by_the_first_release_stays_ready(project: str) -> None:
    site_id = site("old", version=4, acknowledged_version=4, epoch=1, acknowledged_epoch=1)
    migrate()
    key, _ = keys.create_key(Site.objects.get(pk=site_id), name="x")
    assert key.mirror_version == 5
    mirror.mirror_pending("default", MemoryBroadcaster())
    assert SiteDelivery.objects.get().acknowledged_version == 5
    assert SiteApiKey.objects.get().mirror_version == 5


def test_installation_in_use_gets_webhooks_while_editors_go_on(
    project: str, live: Callable[..., None]
) -> None:
    """Numbers are given before, meanwhile and after; who sends is there from then on."""
    live(**LOOPBACK)
    migrate("0005")
    known = uuid.uuid4()
    insert("sites", id=known, name="known")
    over = threading.Event()
    recorded: list[int] = []

    def edit() -> None:
        while not over.is_set() or len(recorded) < 5:
            outbox.record([(known, update())], using="default")
            recorded.append(1)
            over.wait(0.01)
        connections.close_all()

    editor = threading.Thread(target=edit)
    editor.start()
    try:
        migrate()
    finally:
        over.set()
        editor.join()
    deliver_and_mirror("default", pause=lambda seconds: None)
    assert len(MemoryBroadcaster.updates) == len(recorded)
    with receiving() as inbox:
        _, inbox.secret = webhooks.create_endpoint(Site.objects.get(pk=known), inbox.url)
        outbox.record([(known, update())], using="default")
        deliver_and_mirror("default", pause=lambda seconds: None)
        webhooks.send_pending("default")
        assert inbox.seqs == [len(recorded) + 1]
    migrate("0005")
    outbox.record([(known, update())], using="default")
    migrate()
    assert not WebhookEndpoint.objects.exists()
