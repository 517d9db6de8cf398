"""Capture by trigger records whatever is written, in whatever way, and nothing twice."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection, migrations
from django.db.migrations.state import ProjectState

from spool_live import record_changes
from spool_live.capture.audit import audit
from spool_live.models import OutboxEntry, Site
from tests.capture.conftest import Recording, item_id, rolled_back
from tests.capture.triggering import captured_by, on_postgresql
from tests.testapp.models import Article, Note, Product

pytestmark = [on_postgresql, pytest.mark.django_db]


@pytest.fixture(autouse=True)
def _captured(db: None) -> Iterator[None]:
    with captured_by("trigger"):
        yield


def sql(statement: str, *values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


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

    def test_raw_sql(self, site: Site, recorded: Recording) -> None:
        sql("insert into testapp_note (id, tenant, t) values (7, %s, 'x')", site.pk)
        sql("update testapp_note set t = 'y'")
        sql("update testapp_note set id = 8")
        sql("delete from testapp_note")
        assert [(r.event, r.item_id, r.metadata["content"]) for r in recorded()] == [
            ("created", item_id(Note(pk=7)), "x"),
            ("updated", item_id(Note(pk=7)), "y"),
            ("deleted", item_id(Note(pk=7)), "y"),
            ("created", item_id(Note(pk=8)), "y"),
            ("deleted", item_id(Note(pk=8)), "y"),
        ]

    def test_copy(self, site: Site, recorded: Recording) -> None:
        rows = "copy testapp_note (id, tenant, t) from stdin"
        with connection.cursor() as cursor, cursor.copy(rows) as copy:
            for n in range(3):
                copy.write_row((n, site.pk, str(n)))
        assert [r.metadata["content"] for r in recorded()] == ["0", "1", "2"]

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
        sql("set constraints all immediate")
        sql("truncate testapp_note")
        assert recorded() == []
        assert [(f.collection.name, str(f.problem)) for f in audit("default")] == [
            ("notes", "deleted since")
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

    def test_update_ids_say_nothing_of_when_they_were_made(self, site: Site) -> None:
        for text in "abc":
            Note.objects.create(site=site, text=text)
        found = OutboxEntry.objects.values_list("update_id", flat=True)
        assert [one.version for one in found] == [4] * 3
