"""What the database deletes or changes by itself (``DB_CASCADE`` and its kind, Django 6.1):
triggers record it, and the audit finds what signals do not see."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection, models

from spool_live import batch, checks
from spool_live.capture import triggers
from spool_live.capture.audit import audit, repair
from spool_live.models import Site
from tests.capture.conftest import Recording, item_id
from tests.capture.triggering import declared, on_postgresql
from tests.testapp.models import Contribution, Dossier, Note, Story, Tag

pytestmark = [
    on_postgresql,
    pytest.mark.django_db,
    pytest.mark.skipif(not hasattr(models, "DB_CASCADE"), reason="Django 6.1 brings them"),
]
BY_PATH = {"site_field": "dossier.site", "metadata_fields": ("role",)}
Cascade = Callable[[type[models.Model], str, str], None]


@pytest.fixture
def cascade(monkeypatch: pytest.MonkeyPatch, db: None) -> Cascade:
    """Makes a foreign key what it would be with ``on_delete=DB_...``: in the model, and in the
    database to the end of the test's transaction."""

    def change(model: type[models.Model], name: str, on_delete: str) -> None:
        field: Any = model._meta.get_field(name)
        kind = getattr(models, on_delete)
        monkeypatch.setattr(field.remote_field, "on_delete", kind)
        with connection.cursor() as cursor:
            found = connection.introspection.get_constraints(cursor, model._meta.db_table)
            (old,) = (
                key
                for key, c in found.items()
                if c["foreign_key"] and c["columns"] == [field.column]
            )
            table, to = model._meta.db_table, field.related_model._meta.db_table
            cursor.execute("set constraints all immediate")
            cursor.execute(f"alter table {table} drop constraint {old}")
            cursor.execute(
                f"alter table {table} add foreign key ({field.column}) references {to} (id) "
                f"on delete {kind.operation} deferrable initially deferred"
            )

    return change


@pytest.fixture
def part(site: Site) -> Contribution:
    dossier = Dossier.objects.create(site=site, title="x")
    return Contribution(dossier=dossier, person=Tag.objects.create(name="Ada"))


def by_the_orm(part: Contribution) -> None:
    part.person.delete()


def by_a_query_set(part: Contribution) -> None:
    Tag.objects.all().delete()


def by_raw_delete(part: Contribution) -> None:
    Tag.objects.all()._raw_delete("default")


def by_sql(part: Contribution) -> None:
    with connection.cursor() as cursor:
        cursor.execute("delete from testapp_tag")


WAYS = [by_the_orm, by_a_query_set, by_raw_delete, by_sql]
Way = Callable[[Contribution], None]


@pytest.fixture
def triggered() -> Iterator[None]:
    with declared(Contribution, capture="trigger", **BY_PATH):
        triggers.install("default")
        yield


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.usefixtures("triggered")
def test_trigger_records_a_cascade_once(
    way: Way, part: Contribution, cascade: Cascade, recorded: Recording
) -> None:
    cascade(Contribution, "person", "DB_CASCADE")
    assert checks.check_silent_changes(None) == []
    part.save()
    deleted_id, site = item_id(part), part.dossier.site
    recorded()
    way(part)
    assert not Contribution.objects.exists()
    (found,) = recorded()
    assert (found.event, found.item_id, found.site) == ("deleted", deleted_id, site)
    assert found.metadata == {"role": "author"}
    assert list(audit("default")) == []


@pytest.mark.parametrize("way", WAYS)
def test_audit_finds_what_signals_do_not_see(
    way: Way, part: Contribution, cascade: Cascade, recorded: Recording
) -> None:
    cascade(Contribution, "person", "DB_CASCADE")
    with declared(Contribution, **BY_PATH):
        (warning,) = checks.check_silent_changes(None)
        assert "person: DB_CASCADE deletes items" in warning.msg
        part.save()
        deleted_id = item_id(part)
        recorded()
        way(part)
        assert recorded() == []
        found = list(audit("default"))
        assert [(f.item_id, str(f.problem)) for f in found] == [(deleted_id, "deleted since")]
        with batch():
            repair("default", found)
        assert [(r.event, r.item_id) for r in recorded()] == [("deleted", deleted_id)]
        assert list(audit("default")) == []


def test_site_that_is_deleted_takes_its_items_along(
    site: Site, cascade: Cascade, recorded: Recording
) -> None:
    cascade(Note, "site", "DB_CASCADE")
    with declared(Note, capture="trigger"):
        triggers.install("default")
        Note.objects.create(site=site, text="x")
        recorded()
        pk = site.pk
        site.delete()
        assert not Note.objects.exists()
        assert [(r.event, r.site.pk) for r in recorded()] == [("deleted", pk)]


@pytest.mark.usefixtures("triggered")
def test_way_to_the_site_that_the_database_may_delete_first_is_refused(cascade: Cascade) -> None:
    cascade(Contribution, "dossier", "DB_CASCADE")
    found = [one for one in checks.check_collections(None) if one.id == "spool_live.E015"]
    assert ["a cascade may delete what 'dossier' points at" in m.msg for m in found] == [True]


def test_set_null_is_an_update(site: Site, cascade: Cascade, recorded: Recording) -> None:
    cascade(Story, "model_of", "DB_SET_NULL")
    with declared(Story, capture="trigger", metadata_fields=("title", "model_of_id")):
        triggers.install("default")
        first = Story.objects.create(site=site)
        second = Story.objects.create(site=site, model_of=first)
        recorded()
        expected = {("deleted", item_id(first)), ("updated", item_id(second))}
        first.delete()
        assert {(r.event, r.item_id) for r in recorded()} == expected
