"""Bulk writes hold some items at a time, however many there are."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connections, transaction
from django.db.models import Exists, F
from django.db.models.signals import post_init
from django.test.utils import CaptureQueriesContext

from spool_live import LiveQuerySet, batch, record_changes
from spool_live.capture.audit import audit
from spool_live.models import OutboxEntry, Site
from tests.capture.conftest import Recording, RegisterModel
from tests.testapp.models import Article, Section, Snippet

pytestmark = pytest.mark.django_db

COUNT = 40
CHUNK = 4


class Alive:
    """How many instances of a model there are, and the most there were at a time."""

    def __init__(self) -> None:
        self.now = self.most = 0

    def created(self, instance: Any, **kwargs: Any) -> None:
        self.now += 1
        self.most = max(self.most, self.now)
        weakref.finalize(instance, self.deleted)

    def deleted(self) -> None:
        self.now -= 1


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spool_live.capture.reading.CHUNK", CHUNK)
    monkeypatch.setattr("spool_live.capture.audit.CHUNK", CHUNK)
    monkeypatch.setattr("spool_live.outbox.rows.ROWS_PER_STATEMENT", CHUNK)


@pytest.fixture
def articles(site: Site) -> None:
    Article.objects.bulk_create([Article(site=site, title=f"A{n:02}") for n in range(COUNT)])


@pytest.fixture
def alive(articles: None) -> Iterator[Alive]:
    counted = Alive()
    post_init.connect(counted.created, sender=Article)
    yield counted
    post_init.disconnect(counted.created, sender=Article)


def live(model: type[Any]) -> LiveQuerySet[Any]:
    return LiveQuerySet(model)


def test_update_holds_two_chunks(alive: Alive, recorded: Recording) -> None:
    assert live(Article).update(body="new") == COUNT
    assert alive.most <= 3 * CHUNK  # before, after, and the ones that take their place
    assert recorded.events() == [("updated", "articles")] * COUNT


def test_record_changes_holds_one_chunk(alive: Alive, recorded: Recording) -> None:
    assert record_changes(Article.objects.order_by("title")) == COUNT
    assert alive.most <= 3 * CHUNK
    assert [r.metadata["title"] for r in recorded()] == [f"A{n:02}" for n in range(COUNT)]


def test_audit_holds_one_chunk(alive: Alive) -> None:
    problems = [finding.problem for finding in audit("default")]
    assert problems == ["never recorded"] * COUNT
    assert alive.most <= 3 * CHUNK


def test_audit_reads_entries_some_at_a_time(site: Site) -> None:
    deleted = Article.objects.create(site=site, title="gone")
    kept = [Article.objects.create(site=site, title="x") for _ in range(3 * CHUNK)]
    Article.objects.filter(pk=deleted.pk)._raw_delete("default")
    Article.objects.filter(pk=kept[-1].pk).update(title="y")
    with CaptureQueriesContext(connections["default"]) as queries:
        found = {finding.item_id: finding.problem for finding in audit("default")}
    assert found == {deleted.pk: "deleted since", kept[-1].pk: "changed since"}
    whole = [q["sql"] for q in queries.captured_queries if "timestamp" in q["sql"]]
    assert len(whole) == 3 + 1
    assert all("IN (" in sql for sql in whole)


def test_rows_of_the_outbox_do_not_pile_up(articles: None) -> None:
    with batch():
        live(Article).update(body="new")
        assert OutboxEntry.objects.count() == COUNT


def test_evaluated_query_is_not_read_again(articles: None, recorded: Recording) -> None:
    found = Article.objects.filter(title="A00")
    assert len(found) == 1
    found._raw_delete("default")
    assert record_changes(found, "content.deleted") == 1
    assert recorded.events() == [("deleted", "articles")]


def test_condition_on_other_rows_that_the_update_changes(
    site: Site, register_model: RegisterModel, recorded: Recording
) -> None:
    """All that matched at the start is updated, also where an earlier chunk undoes the match."""
    sections = Section.objects.bulk_create([Section(site=site, name="old") for _ in range(10)])
    Snippet.objects.bulk_create([Snippet(section=section, text="x") for section in sections])
    register_model(Section)
    rows = live(Section).exclude(pk__in=Section.objects.filter(name="new").values("pk"))
    nobody_yet = rows.annotate(label=F("name")).filter(~Exists(Section.objects.filter(name="new")))
    assert nobody_yet.update(name="new") == 10
    assert recorded.events() == [("updated", "sections")] * 10


@pytest.mark.skipif(
    connections["default"].vendor != "postgresql", reason="no lock on rows of one table there"
)
@pytest.mark.django_db(transaction=True)
def test_all_rows_are_locked_before_the_first_is_updated(articles: None) -> None:
    last = Article.objects.order_by("pk").last()
    assert last is not None
    with transaction.atomic():
        rows = live(Article)._chosen()
        next(iter(rows))
        other = connections["default"].copy()
        try:
            with other.cursor() as cursor:
                cursor.execute(
                    "SELECT count(*) FROM (SELECT id FROM testapp_article WHERE id = %s"
                    " FOR UPDATE SKIP LOCKED) AS free",
                    [last.pk],
                )
                assert cursor.fetchone() == (0,)
        finally:
            other.close()
