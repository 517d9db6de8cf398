"""Changes that are not worth an update: ``watched_fields`` and ``is_relevant``; and what is always
recorded."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db.models import Q

from spool_live import LiveQuerySet, record_changes
from spool_live.broadcasters.memory import MemoryBroadcaster
from spool_live.capture import triggers
from spool_live.delivery import deliver_pending
from spool_live.models import Site
from spool_live.updates import EventType
from tests.capture.conftest import Recording, RegisterModel
from tests.capture.triggering import declared
from tests.testapp.models import Article, Note

pytestmark = pytest.mark.django_db


@pytest.fixture(params=["signals", "trigger"])
def article(request: pytest.FixtureRequest, site: Site) -> Iterator[Article]:
    """An article of whose plain changes only those of the title and body are recorded."""
    if request.param == "trigger" and settings.CONTENT != "postgresql":
        pytest.skip("the content is not on PostgreSQL")
    body: dict[str, Any] = {
        "slug_field": "slug",
        "published_when": Q(status="published"),
        "visible_when": ~Q(status="hidden"),
        "watched_fields": ("title", "body"),
        "capture": request.param,
    }
    with declared(Article, **body):
        triggers.install("default")
        yield Article.objects.create(site=site, title="A", slug="a", status="draft")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({}, [], id="nothing"),
        pytest.param({"status": "review"}, [], id="of another field"),
        pytest.param({"title": "B"}, ["updated"], id="of the title"),
        pytest.param({"body": "b"}, ["updated"], id="of the body"),
        pytest.param({"slug": "b"}, ["updated"], id="of the slug"),
        pytest.param({"status": "published"}, ["published"], id="published"),
        pytest.param({"status": "hidden"}, ["deleted"], id="hidden"),
    ],
)
def test_change(
    changes: dict[str, Any], expected: list[str], article: Article, recorded: Recording
) -> None:
    recorded()
    for name, value in changes.items():
        setattr(article, name, value)
    article.save()
    assert [event for event, _ in recorded.events()] == expected


def test_unpublished_and_moved(article: Article, other_site: Site, recorded: Recording) -> None:
    article.status = "published"
    article.save()
    recorded()
    article.status = "draft"
    article.save()
    article.site = other_site
    article.save()
    assert [event for event, _ in recorded.events()] == ["updated", "deleted", "created"]


def test_by_query_sets(article: Article, recorded: Recording) -> None:
    recorded()
    live: LiveQuerySet[Article] = LiveQuerySet(Article)
    live.update(status="review")
    assert recorded.events() == []
    live.update(title="B")
    assert [event for event, _ in recorded.events()] == ["updated"]


def test_method_sees_the_stored_row_and_the_new_one(
    site: Site, recorded: Recording, register_model: RegisterModel
) -> None:
    asked: list[tuple[str, str]] = []

    def is_relevant(self: Any, before: Note, after: Note) -> bool:
        asked.append((before.text, after.text))
        return len(after.text) > 1

    with declared(Note, is_relevant=is_relevant):
        note = Note.objects.create(site=site, text="a")
        for text in ("b", "long"):
            note.text = text
            note.save()
        note.delete()
    assert asked == [("a", "b"), ("b", "long")]
    assert [event for event, _ in recorded.events()] == ["created", "updated", "deleted"]


class TestByHand:
    """``record_changes`` says what the project did by itself."""

    def test_unpublished(self, site: Site, recorded: Recording) -> None:
        Article.objects.create(site=site, status="draft")
        recorded()
        assert record_changes(Article.objects.all(), "unpublished") == 1
        ((event, _, _, _, _, metadata),) = recorded()
        assert (event, metadata["published"]) == ("updated", False)

    def test_wrong_event_type_names_the_valid_ones(self, site: Site) -> None:
        with pytest.raises(ValueError, match=r"content\.created, content\.updated.*unpublished"):
            record_changes(Article.objects.all(), "published")

    def test_republication_never_waits(self, site: Site, recorded: Recording) -> None:
        with declared(
            Article,
            coalesce=timedelta(hours=1),
            published_when=Q(status="published"),
        ):
            article = Article.objects.create(site=site, status="published")
            article.save()
            record_changes([article], "content.published")
            deliver_pending("default", pause=lambda seconds: None)
        delivered = [update.event_type for update in MemoryBroadcaster.updates]
        assert delivered.count(EventType.PUBLISHED) == 2
