"""Capture by trigger: whoever writes, in whatever way, and only what is committed."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.db import IntegrityError, connection, migrations, transaction
from django.db.migrations.state import ProjectState
from django.test.utils import CaptureQueriesContext

from spool_live import batch, record_changes
from spool_live.capture.audit import audit
from spool_live.models import OutboxEntry, Site
from spool_live.signals import outbox_committed
from tests.capture.conftest import Recording, item_id, rolled_back
from tests.capture.triggering import captured_by, on_postgresql
from tests.testapp.models import Article, Note, Product

pytestmark = [on_postgresql, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _captured(db: None) -> Iterator[None]:
    with captured_by("trigger"):
        yield


@pytest.fixture
def announced() -> Iterator[list[str]]:
    """The aliases on which a commit was announced."""
    heard: list[str] = []

    def hear(using: str, **kwargs: Any) -> None:
        heard.append(using)

    outbox_committed.connect(hear)
    yield heard
    outbox_committed.disconnect(hear)


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
        self, site: Site, recorded: Recording, announced: list[str]
    ) -> None:
        with rolled_back():
            Note.objects.create(site=site, text="x")
        assert (recorded(), announced) == ([], [])

    def test_savepoint_takes_its_own_along(self, site: Site, recorded: Recording) -> None:
        with transaction.atomic():
            kept = Note.objects.create(site=site, text="kept")
            with rolled_back():
                Note.objects.create(site=site, text="lost")
        assert [r.item_id for r in recorded()] == [item_id(kept)]

    def test_commit_is_announced_once_it_is_one(self, site: Site, announced: list[str]) -> None:
        announced.clear()
        with transaction.atomic():
            note = Note.objects.create(site=site, text="x")
            note.save()
            assert announced == []
        assert announced == ["default"]
        note.delete()
        assert announced == ["default"] * 2

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


class TestPastTheSignals:
    def test_query_sets_of_an_ordinary_manager(self, site: Site, recorded: Recording) -> None:
        made = Article.objects.bulk_create(
            Article(site=site, title=str(n), slug=f"a-{n}") for n in range(5)
        )
        assert [(r.event, r.item_id) for r in recorded()] == [("created", a.pk) for a in made]
        Article.objects.filter(title="3").update(status="published")
        ((event, _, pk, _, slug, _),) = recorded()
        assert (event, pk, slug) == ("published", made[3].pk, "a-3")
        for item in made:
            item.slug += "-2"
        Article.objects.bulk_update(made, ["slug"])
        assert {(r.event, r.metadata["previous_slug"]) for r in recorded()} == {
            ("updated", f"a-{n}") for n in range(5)
        }
        Article.objects.all()._raw_delete("default")
        assert [r.event for r in recorded()] == ["deleted"] * 5

    def test_upsert(self, site: Site, recorded: Recording) -> None:
        Product.objects.bulk_create([Product(tenant=site.pk, sku="a")])
        Product.objects.bulk_create(
            [Product(tenant=site.pk, sku=sku, stock=3) for sku in "ab"],
            update_conflicts=True,
            update_fields=["stock"],
            unique_fields=["sku"],
        )
        assert [(r.event, r.metadata) for r in recorded()] == [
            ("created", {"sku": "a", "stock": 0}),
            ("updated", {"sku": "a", "stock": 3}),
            ("created", {"sku": "b", "stock": 3}),
        ]

    def test_raw_sql(self, site: Site, recorded: Recording, announced: list[str]) -> None:
        announced.clear()
        sql("insert into testapp_note (id, tenant, t) values (7, %s, 'x')", site.pk)
        sql("update testapp_note set t = 'y'")
        sql("update testapp_note set id = 8")
        sql("delete from testapp_note")
        assert [(r.event, r.item_id, r.metadata["said"]) for r in recorded()] == [
            ("created", item_id(Note(pk=7)), "x"),
            ("updated", item_id(Note(pk=7)), "y"),
            ("deleted", item_id(Note(pk=7)), "y"),
            ("created", item_id(Note(pk=8)), "y"),
            ("deleted", item_id(Note(pk=8)), "y"),
        ]
        assert announced == []  # the sweep finds them

    def test_copy(self, site: Site, recorded: Recording) -> None:
        rows = "copy testapp_note (id, tenant, t) from stdin"
        with (
            psycopg.connect(settings.LOCAL_SUPABASE.conninfo("postgres")) as session,
            session.cursor().copy(rows) as copy,
        ):
            for n in range(3):
                copy.write_row((n, site.pk, str(n)))
        assert [r.metadata["said"] for r in recorded()] == ["0", "1", "2"]

    def test_loaddata(self, site: Site, recorded: Recording, tmp_path: Path) -> None:
        fields = {"site": str(site.pk), "text": "x"}
        rows = [{"model": "testapp.note", "pk": 5, "fields": fields}]
        fixture = tmp_path / "notes.json"
        fixture.write_text(json.dumps(rows))
        for event in ("created", "updated"):
            call_command("loaddata", fixture, verbosity=0)
            assert [(r.event, r.item_id) for r in recorded()] == [(event, item_id(Note(pk=5)))]

    def test_data_migration(self, site: Site, recorded: Recording) -> None:
        def write(historic: Any, schema_editor: Any) -> None:
            note = historic.get_model("testapp", "Note")(site_id=site.pk, text="x")
            note.save()
            note.save()

        state = ProjectState.from_apps(apps)
        with connection.schema_editor() as editor:
            migrations.RunPython(write).database_forwards("testapp", editor, state, state)
        assert [r.event for r in recorded()] == ["created", "updated"]

    def test_role_without_rights_on_the_outbox(self, site: Site, recorded: Recording) -> None:
        with rolled_back():
            sql("create role importer")
            sql("grant importer to current_user")
            sql("grant insert, update on testapp_note to importer")
            sql("set local role importer")
            sql("insert into testapp_note (tenant, t) values (%s, 'x')", site.pk)
            sql("reset role")
            assert recorded.events() == [("created", "notes")]

    def test_truncate_is_found_by_the_audit(self, site: Site, recorded: Recording) -> None:
        Note.objects.create(site=site, text="x")
        recorded()
        sql("truncate testapp_note")
        assert recorded() == []
        assert [(f.collection, f.problem) for f in audit("default")] == [
            ("notes", "gone without a word")
        ]


class TestNothingTwice:
    def test_what_is_recorded_by_hand_besides(self, site: Site, recorded: Recording) -> None:
        Note.objects.bulk_create([Note(site=site, text="x")])
        assert record_changes(Note.objects.all(), "content.created") == 0
        assert recorded.events() == [("created", "notes")]

    def test_audit_has_nothing_to_say(self, site: Site) -> None:
        article = Article.objects.create(site=site, title="x", slug="a", status="published")
        Article.objects.update(slug="b", status="draft", title='"y"')
        Product.objects.create(tenant=site.pk, sku="x")
        assert list(audit("default")) == []
        article.delete()
        assert list(audit("default")) == []

    def test_update_ids_are_in_order_of_time(self, site: Site) -> None:
        for text in "abc":
            Note.objects.create(site=site, text=text)
        found = OutboxEntry.objects.order_by("pk").values_list("update_id", flat=True)
        assert [one.version for one in found] == [7] * 3
        assert sorted(found) == list(found)
