"""Triggers write metadata and ids as Python does, to the byte that is cut."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, models
from django.test.utils import isolate_apps

from spool_live import LiveCollection, checks
from spool_live.capture import triggers
from spool_live.capture.triggers import definitions
from spool_live.collections.identity import ITEM_NAMESPACE
from spool_live.metadata import DEPTH_LIMIT, METADATA_LIMIT, metadata_json
from spool_live.models import OutboxEntry, Site
from tests.capture.conftest import Recording
from tests.capture.triggering import declared, on_postgresql
from tests.testapp.models import Article, Note

pytestmark = [on_postgresql, pytest.mark.django_db]
MOMENT = datetime(2026, 3, 1, 12, 30, 15, tzinfo=UTC)


@pytest.fixture
def sample(db: None) -> type[models.Model]:
    """A model with a column of every kind, and its table for the length of the test."""
    with isolate_apps("tests.testapp"):

        class Sample(models.Model):
            code = models.SlugField(primary_key=True)
            owner = models.UUIDField()
            title = models.TextField(null=True)  # noqa: DJ001 - for its null
            price = models.DecimalField(max_digits=12, decimal_places=3, null=True)
            ratio = models.FloatField(null=True)
            ready = models.BooleanField(null=True)
            count = models.BigIntegerField(null=True)
            day = models.DateField(null=True)
            moment = models.DateTimeField(null=True)
            extra = models.JSONField(null=True)
            took = models.DurationField(null=True)
            article = models.ForeignKey(Article, null=True, on_delete=models.SET_NULL)

            class Meta:
                app_label = "testapp"

    with connection.schema_editor() as editor:
        editor.create_model(Sample)
    return Sample


def nested(depth: int) -> Any:
    value: Any = {"end": 1}
    for _ in range(depth - 1):
        value = [value]
    return value


FIELDS = ["title", "price", "ratio", "ready", "count", "day", "moment", "extra", "article_id"]


@pytest.mark.parametrize(
    "values",
    [
        pytest.param({}, id="nulls"),
        pytest.param(
            {
                "title": 'line\nbreak "quote" \\ back ü 🙂 \x7f\x01 {brace} %s',
                "price": Decimal("12.50"),
                "ratio": 1.25,
                "ready": False,
                "count": 2**62,
                "day": date(1999, 12, 31),
                "moment": MOMENT,
                "extra": {"b": [1, {"a": None}], "a": "ü"},
            },
            id="values",
        ),
        pytest.param({"moment": MOMENT + timedelta(microseconds=1)}, id="one microsecond"),
        pytest.param({"moment": MOMENT + timedelta(microseconds=987999)}, id="cut, not rounded"),
        pytest.param({"price": Decimal("-0.001"), "ratio": -1e-7, "ready": True}, id="small"),
        pytest.param({"count": 2**53 - 1, "extra": [-(2**53) + 1]}, id="longest exact number"),
        pytest.param({"count": 2**53, "extra": {"a": [-(2**53)]}}, id="number that is not exact"),
        pytest.param({"ratio": 1e300, "extra": [2**64 + 1, 1e22, 10**308]}, id="large numbers"),
        pytest.param({"ratio": 2.0**53, "extra": 10**15 + 0.5}, id="large floats"),
        pytest.param({"ratio": 5e-324, "extra": [1e-308, 3e-308]}, id="next to nothing"),
        pytest.param({"ratio": float("nan"), "count": 1}, id="NaN"),
        pytest.param({"ratio": float("-inf"), "title": "NaN"}, id="infinity"),
        pytest.param({"extra": 10**309}, id="beyond a double"),
        pytest.param({"extra": [10**4300 - 1]}, id="most digits"),
        pytest.param({"extra": nested(DEPTH_LIMIT - 1)}, id="as deep as may be"),
        pytest.param({"extra": nested(DEPTH_LIMIT), "count": 7}, id="too deep"),
        pytest.param({"extra": [[]] * 40}, id="wide"),
    ],
)
def test_json_of_every_kind_of_column(
    sample: Any, site: Site, recorded: Recording, values: dict[str, Any]
) -> None:
    body = {"site_field": "owner", "slug_field": "code", "metadata_fields": tuple(FIELDS)}
    with declared(sample, capture="trigger", **body) as collection:
        assert checks.check_collections(None) == []
        triggers.install("default")
        sample.objects.bulk_create([sample(code="x-1", owner=site.pk, **values)])
        stored = sample.objects.get()
        ((_, _, item, _, slug, metadata),) = recorded()
        assert metadata == json.loads(metadata_json(collection.get_metadata(stored)))
        assert (item, slug) == (collection.item_id_of(stored), "x-1")


def test_column_that_is_no_json(sample: Any) -> None:
    with declared(
        sample, capture="trigger", site_field="owner", metadata_fields=("took",)
    ) as collection:
        (fault,) = triggers.faults_of(collection)
    assert "took (DurationField)" in str(fault)


@pytest.mark.parametrize(
    ("title", "body", "slug"),
    [
        ("t", "b" * (METADATA_LIMIT - len('{"title":"t","body":""}')), "a"),
        ("t", "b" * (METADATA_LIMIT - len('{"title":"t","body":""}') + 1), "a"),
        ("t" * 200, "ü" * 4100, "a"),
        ("t" * 200, '"' * 4100, "a"),
        ("t" * 200, "b" * 8180, "b" * 100),
    ],
    ids=["fits exactly", "one byte too many", "two bytes each", "escaped", "with previous slug"],
)
def test_large_metadata_is_cut_where_python_cuts_it(
    site: Site, recorded: Recording, title: str, body: str, slug: str
) -> None:
    found = []
    for capture in ("signals", "trigger"):
        fields = ("title", "body")
        with declared(Article, capture=capture, slug_field="slug", metadata_fields=fields):
            triggers.install("default")
            article = Article.objects.create(site=site, title=title, body=body, slug="a")
            article.slug = slug
            article.save()
            article.delete()
            found.append([(r.event, r.slug, r.metadata) for r in recorded()])
    by_signals, by_triggers = found
    assert by_triggers == by_signals
    assert len(by_signals) == 3


def test_ids_of_numbered_items_are_the_ones_subscribers_know(
    site: Site, recorded: Recording
) -> None:
    with declared(Note, capture="trigger") as collection:
        triggers.install("default")
        keys = [1, 12, 123456789, 2**62]
        made = Note.objects.bulk_create(Note(id=key, site=site, text="x") for key in keys)
        assert [r.item_id for r in recorded()] == [collection.item_id_of(note) for note in made]


@pytest.mark.parametrize("length", [0, 1, 38, 39, 40, 47, 48, 100, 200])
def test_uuid5_of_names_of_any_length(length: int) -> None:
    """SHA-1 pads to blocks of 64 bytes: 16 of the namespace, 9 of the padding."""
    with declared(Note, capture="trigger"):
        triggers.install("default")
    name = "ü"[: length % 2] + "n" * (length - length % 2)
    with connection.cursor() as cursor:
        cursor.execute("select spool_live_item_id_v1(%s)", [name])
        assert cursor.fetchone() == (uuid.uuid5(ITEM_NAMESPACE, name),)


def test_uuid_ossp_is_used_where_it_is_installed(
    site: Site, recorded: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The embedded PostgreSQL has no uuid-ossp: a function of its name and arguments stands in."""
    assert definitions._schema_of_extension(connection, "uuid-ossp") is None
    assert definitions._schema_of_extension(connection, "plpgsql") == "pg_catalog"
    monkeypatch.setattr(definitions, "_schema_of_extension", lambda *asked: "stand in")
    with declared(Note, capture="trigger") as collection, connection.cursor() as cursor:
        cursor.execute('create schema "stand in"')
        cursor.execute(
            'create function "stand in".uuid_generate_v5(namespace uuid, name text) returns uuid '
            "language sql as $$ select md5(namespace || name)::uuid $$"
        )
        triggers.install("default")
        Note.objects.bulk_create([Note(id=7, site=site, text="x")])
        cursor.execute("select md5(%s || 'testapp.note:7')::uuid", [str(ITEM_NAMESPACE)])
        assert [(r.item_id,) for r in recorded()] == cursor.fetchall()
        assert collection.name == "notes"


def test_update_ids_of_triggers_are_random(site: Site) -> None:
    with declared(Note, capture="trigger"):
        triggers.install("default")
        Note.objects.create(site=site, text="x")
    entry = OutboxEntry.objects.get()
    assert (entry.update_id.version, entry.update_id.variant) == (4, uuid.RFC_4122)


def test_attributes_mean_the_same_to_python(site: Site) -> None:
    note = Note(site=site, text="x")
    with declared(Note, metadata_fields={"content": "text"}) as collection:
        assert isinstance(collection, LiveCollection)
        assert collection.get_metadata(note) == {"content": "x"}
