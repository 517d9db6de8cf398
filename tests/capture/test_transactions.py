"""An edit and its update are one transaction, also where the caller opened none."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import DatabaseError, connection, connections, transaction
from django.db.models import Model
from django.db.models.signals import post_save
from django.test.utils import CaptureQueriesContext

from spool_live import outbox
from spool_live.local.processes import wait_until
from spool_live.models import Site, SiteDelivery
from tests.capture.conftest import Recording
from tests.sessions import is_somebody_waiting
from tests.testapp.models import (
    Article,
    ArticleProxy,
    LandingPage,
    Note,
    Page,
    Unregistered,
)
from tests.waiting import PATIENCE

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")


@pytest.fixture
def site(transactional_db: None) -> Site:
    return Site.objects.create(name="Courier")


class HandlerError(Exception):
    pass


def fail(*args: Any, **kwargs: Any) -> None:
    raise DatabaseError("disk full")


@pytest.fixture
def failing_handler() -> Iterator[list[type[Model]]]:
    """Senders in the list get a receiver of ``post_save`` that raises."""
    senders: list[type[Model]] = []

    def fail(sender: type[Model], **kwargs: Any) -> None:
        if sender in senders:
            raise HandlerError

    post_save.connect(fail)
    yield senders
    post_save.disconnect(fail)


class TestAutocommit:
    def test_edit_and_update_are_one_transaction(self, site: Site) -> None:
        with CaptureQueriesContext(connection) as queries:
            Note.objects.create(site=site, text="x")
        words = [query["sql"].partition(" ")[0] for query in queries.captured_queries]
        assert words == ["BEGIN", "INSERT", "INSERT", "COMMIT"]

    @pytest.mark.parametrize("model", [Article, ArticleProxy, Note, Page, LandingPage])
    def test_receiver_that_raises_comes_after_the_commit_of_both(
        self,
        model: Any,
        site: Site,
        recorded: Recording,
        failing_handler: list[type[Model]],
    ) -> None:
        """As without us: Django has committed the row before it sends ``post_save``."""
        failing_handler.append(model)
        with pytest.raises(HandlerError):
            model.objects.create(site=site)
        with pytest.raises(HandlerError):
            model.objects.get().save()
        assert [event for event, _ in recorded.events()] == ["created", "updated"]

    def test_failure_of_the_outbox_takes_the_edit_back(
        self, site: Site, recorded: Recording, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(outbox, "record", fail)
        with pytest.raises(DatabaseError, match="disk full"):
            Note.objects.create(site=site, text="x")
        assert Note.objects.count() == 0

    def test_on_another_alias(self, recorded: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
        site = Site.objects.using("other").create(name="Elsewhere")
        monkeypatch.setattr(outbox, "record", fail)
        with pytest.raises(DatabaseError, match="disk full"):
            Note(site=site, text="x").save(using="other")
        with pytest.raises(DatabaseError, match="disk full"):
            Note.objects.using("other").create(site=site, text="x")
        assert Note.objects.using("other").count() == 0
        assert recorded("other") == []

    def test_unregistered_models_are_left_alone(self, site: Site) -> None:
        with CaptureQueriesContext(connection) as queries:
            Unregistered.objects.create(site=site)
        assert [query["sql"].partition(" ")[0] for query in queries.captured_queries] == ["INSERT"]

    def test_site_and_its_delivery_state_are_one(
        self, transactional_db: None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(outbox, "site_changed", fail)
        with pytest.raises(DatabaseError, match="disk full"):
            Site.objects.create(name="Courier")
        assert Site.objects.count() == SiteDelivery.objects.count() == 0

    def test_update_by_hand(self, site: Site, recorded: Recording) -> None:
        from spool_live import EventType, LiveUpdateData, broadcast_update

        data = LiveUpdateData(EventType.UPDATED, "notes", site.pk)
        broadcast_update(site, data)
        assert recorded.events() == [("updated", "notes")]


class TestOwnTransaction:
    def test_of_the_caller_is_used(self, site: Site) -> None:
        with transaction.atomic(), CaptureQueriesContext(connection) as queries:
            Note.objects.create(site=site, text="x")
        assert [query["sql"].partition(" ")[0] for query in queries.captured_queries] == [
            "INSERT",
            "INSERT",
        ]

    def test_of_one_alias_does_not_serve_another(
        self, recorded: Recording, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        site = Site.objects.using("other").create(name="Elsewhere")
        monkeypatch.setattr(outbox, "record", fail)
        with transaction.atomic(using="default"), pytest.raises(DatabaseError, match="disk full"):
            Note(site=site, text="x").save(using="other")
        assert Note.objects.using("other").count() == 0

    def test_by_hand_without_an_atomic_block(
        self, site: Site, recorded: Recording, notified_aliases: list[str]
    ) -> None:
        """``set_autocommit(False)``: the caller commits, and nothing of theirs is taken back."""
        notified_aliases.clear()
        transaction.set_autocommit(False)
        try:
            article = Article.objects.create(site=site)
            article.status = "published"
            article.save()
            transaction.commit()
            article.status = "draft"
            article.save()
            transaction.rollback()
        finally:
            transaction.set_autocommit(True)
        assert recorded.events() == [("created", "articles"), ("published", "articles")]

    def test_rolled_back_after_the_edit(self, site: Site, recorded: Recording) -> None:
        def edit() -> None:
            with transaction.atomic():
                Note.objects.create(site=site, text="x")
                raise HandlerError

        with pytest.raises(HandlerError):
            edit()
        assert Note.objects.count() == 0
        assert recorded() == []


def test_two_editors_at_once_publish_once(site: Site, recorded: Recording) -> None:
    """The second one waits for the first before it looks at the row."""
    article = Article.objects.create(site=site)
    second = Article.objects.get(pk=article.pk)
    recorded()
    asking = threading.Event()

    def publish() -> None:
        try:
            second.status = "published"
            asking.set()
            second.save()
        finally:
            connections.close_all()

    thread = threading.Thread(target=publish)
    with transaction.atomic():
        article.status = "published"
        article.save()
        thread.start()
        assert asking.wait(PATIENCE)
        wait_until(is_somebody_waiting)
    thread.join()
    assert recorded.events() == [("published", "articles"), ("updated", "articles")]
