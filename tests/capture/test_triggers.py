"""Capture by trigger: one statement, one transaction, only what is committed."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from spool_live import LiveQuerySet, batch
from spool_live.capture.connection import triggers_are_enough
from spool_live.models import Site
from spool_live.routers import LiveUpdatesRouter
from tests.capture.conftest import Recording, item_id, rolled_back
from tests.capture.triggering import captured_by, on_postgresql
from tests.testapp.models import Article, Note

pytestmark = [on_postgresql, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True, params=["postgresql only", "sqlite beside"])
def _captured(
    db: None, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Where the content may also be in a database without triggers, signals stay connected."""
    if request.param == "postgresql only":
        monkeypatch.setattr(
            LiveUpdatesRouter, "allow_migrate", lambda self, db, label, **hints: db == "default"
        )
    with captured_by("trigger"):
        assert triggers_are_enough(Note) is (request.param == "postgresql only")
        yield


def sql(statement: str, *values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def statements(queries: CaptureQueriesContext) -> list[str]:
    return [query["sql"].partition(" ")[0] for query in queries.captured_queries]


class TestAutocommit:
    def test_save_is_one_statement_and_no_transaction(
        self, site: Site, recorded: Recording
    ) -> None:
        for act, expected in (
            (lambda: Note.objects.create(site=site, text="x"), ["INSERT"]),
            (lambda: Note.objects.get().save(), ["SELECT", "UPDATE"]),
            (lambda: Article.objects.create(site=site), ["INSERT"]),
            (lambda: Article.objects.get().save(update_fields=["title"]), ["SELECT", "UPDATE"]),
        ):
            with CaptureQueriesContext(connection) as queries:
                act()
            assert statements(queries) == expected
        assert [r.event for r in recorded()] == ["created", "updated"] * 2

    def test_outbox_that_refuses_leaves_no_edit(self, site: Site, recorded: Recording) -> None:
        note = Note.objects.create(site=site, text="before")
        recorded()
        sql("alter table live_updates_outbox add constraint full_disk check (false) not valid")
        try:
            note.text = "after"
            with pytest.raises(IntegrityError, match="full_disk"):
                note.save()
            with pytest.raises(IntegrityError, match="full_disk"):
                sql("delete from testapp_note")
        finally:
            sql("alter table live_updates_outbox drop constraint full_disk")
        assert Note.objects.get().text == "before"
        assert recorded() == []


class TestTransactions:
    def test_rolled_back_edit_says_nothing(
        self, site: Site, recorded: Recording, notified_aliases: list[str]
    ) -> None:
        with rolled_back():
            Note.objects.create(site=site, text="x")
        assert (recorded(), notified_aliases) == ([], [])

    def test_savepoint_takes_its_own_along(self, site: Site, recorded: Recording) -> None:
        with transaction.atomic():
            kept = Note.objects.create(site=site, text="kept")
            with rolled_back():
                Note.objects.create(site=site, text="lost")
        assert [r.item_id for r in recorded()] == [item_id(kept)]

    def test_worker_is_notified_after_the_commit(
        self, site: Site, notified_aliases: list[str]
    ) -> None:
        notified_aliases.clear()
        with transaction.atomic():
            note = Note.objects.create(site=site, text="x")
            note.save()
            assert notified_aliases == []
        assert notified_aliases == ["default"]
        note.delete()
        assert notified_aliases == ["default"] * 2

    def test_worker_is_notified_of_bulk_writes_of_a_live_query_set(
        self, site: Site, recorded: Recording, notified_aliases: list[str]
    ) -> None:
        notes: LiveQuerySet[Note] = LiveQuerySet(Note)
        for act, event in (
            (lambda: notes.bulk_create([Note(site=site, text="x")]), "created"),
            (lambda: notes.update(text="y"), "updated"),
            (notes.delete, "deleted"),
        ):
            notified_aliases.clear()
            act()
            assert (recorded.events(), notified_aliases) == ([(event, "notes")], ["default"])

    def test_raw_sql_is_left_to_the_sweep(
        self, site: Site, recorded: Recording, notified_aliases: list[str]
    ) -> None:
        notified_aliases.clear()
        sql("insert into testapp_note (tenant, t) values (%s, 'x')", site.pk)
        assert (recorded.events(), notified_aliases) == ([("created", "notes")], [])

    def test_batch_records_nothing_twice(self, site: Site, recorded: Recording) -> None:
        with batch():
            note = Note.objects.create(site=site, text="x")
            note.save()
        assert [r.event for r in recorded()] == ["created", "updated"]

    def test_writers_of_one_item_take_turns(self, site: Site, recorded: Recording) -> None:
        article = Article.objects.create(site=site, title="x")
        recorded()
        publish = b"update testapp_article set status = 'published'"
        with psycopg.connect(settings.LOCAL_SUPABASE.conninfo("postgres")) as first:
            first.execute(publish)
            second = threading.Thread(target=_run, args=(publish,))
            second.start()
            _wait_until_somebody_waits_for_a_lock()
            assert recorded() == []
            first.commit()
            second.join(20)
        assert [(r.event, r.item_id) for r in recorded()] == [
            ("published", article.pk),
            ("updated", article.pk),
        ]


def _run(statement: bytes) -> None:
    with psycopg.connect(settings.LOCAL_SUPABASE.conninfo("postgres")) as session:
        session.execute(statement)


def _wait_until_somebody_waits_for_a_lock() -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with connection.cursor() as cursor:
            cursor.execute("select exists (select from pg_locks where not granted)")
            if cursor.fetchone() == (True,):
                return
    raise TimeoutError("nobody waited for a lock")
