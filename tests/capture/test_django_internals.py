"""What capture relies on in Django and Django does not document: one test each, so that the next
Django breaks a test that says why. ``docs/explanation/capture.md`` explains how each is used."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import F, Model
from django.db.models.base import ModelState
from django.db.models.signals import post_save, pre_save
from django.test.utils import CaptureQueriesContext

from spool_live.capture import connect_all, disconnect_all, saves
from spool_live.capture.saving import unwrap_saves, wrap_saves
from spool_live.models import Site
from spool_live.testing import captured_updates
from tests.capture.conftest import Recording
from tests.testapp.models import Article, LandingPage, Note, Page, Product, Unregistered

pytestmark = pytest.mark.django_db


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, type[Model]]]]:
    """What a save calls, in order, with the class it is about."""
    found: list[tuple[str, type[Model]]] = []

    def spy(name: str) -> None:
        original = getattr(Model, name)

        def call(self: Any, *args: Any, **kwargs: Any) -> Any:
            arguments = inspect.signature(original).bind(self, *args, **kwargs).arguments
            found.append((name, arguments["cls"]))
            return original(self, *args, **kwargs)

        monkeypatch.setattr(Model, name, call)

    def before(sender: type[Model], **kwargs: Any) -> None:
        found.append(("pre_save", sender))

    def after(sender: type[Model], **kwargs: Any) -> None:
        found.append(("post_save", sender))

    spy("_save_table")
    spy("_save_parents")
    disconnect_all()
    pre_save.connect(before)
    post_save.connect(after)
    yield found
    pre_save.disconnect(before)
    post_save.disconnect(after)
    connect_all()


def test_save_table_takes_what_our_wrapper_passes_on() -> None:
    names = list(inspect.signature(Model._save_table).parameters)  # type: ignore[attr-defined]
    assert names == [
        "self",
        "raw",
        "cls",
        "force_insert",
        "force_update",
        "using",
        "update_fields",
    ]


def test_save_parents_begins_with_what_our_wrapper_reads() -> None:
    names = list(inspect.signature(Model._save_parents).parameters)  # type: ignore[attr-defined]
    assert names[:4] == ["self", "cls", "using", "update_fields"]


def test_save_base_writes_the_row_between_its_two_signals(
    site: Site, calls: list[tuple[str, type[Model]]]
) -> None:
    Note.objects.create(site=site, text="x")
    assert calls == [
        ("pre_save", Note),
        ("_save_parents", Note),
        ("_save_table", Note),
        ("post_save", Note),
    ]


def test_save_base_writes_parents_first_and_the_item_itself_last(
    site: Site, calls: list[tuple[str, type[Model]]]
) -> None:
    LandingPage.objects.create(site=site, title="x", hero="y")
    assert calls == [
        ("pre_save", LandingPage),
        ("_save_parents", LandingPage),
        ("_save_parents", Page),
        ("_save_table", Page),
        ("_save_table", LandingPage),
        ("post_save", LandingPage),
    ]


def test_raw_save_base_writes_the_row_and_no_parents(
    site: Site, calls: list[tuple[str, type[Model]]]
) -> None:
    page = LandingPage.objects.create(site=site, title="x", hero="y")
    calls.clear()
    page.save_base(raw=True)
    assert [name for name, _ in calls] == ["pre_save", "_save_table", "post_save"]


def test_save_table_says_whether_it_updated(site: Site) -> None:
    note = Note(site=site, text="x")
    arguments = (False, Note, False, False, "default", None)
    assert not note._save_table(*arguments)  # type: ignore[attr-defined]
    assert note._save_table(*arguments)  # type: ignore[attr-defined]


@pytest.mark.django_db(transaction=True)
def test_parents_and_item_are_written_in_a_transaction_of_djangos(transactional_db: None) -> None:
    site = Site.objects.create(name="Courier")
    disconnect_all()
    try:
        with CaptureQueriesContext(connection) as queries:
            LandingPage.objects.create(site=site, title="x", hero="y")
    finally:
        connect_all()
    words = [query["sql"].partition(" ")[0] for query in queries.captured_queries]
    assert words == ["BEGIN", "INSERT", "INSERT", "COMMIT"]


def test_state_of_an_instance_keeps_what_is_put_into_it(site: Site) -> None:
    note = Note.objects.create(site=site, text="x")
    state = note._state
    assert isinstance(state, ModelState)
    state.__dict__["spool_live_test"] = 1
    note.save()
    note.refresh_from_db()
    assert note._state is state
    assert state.__dict__["spool_live_test"] == 1
    assert (state.adding, state.db) == (False, "default")


def test_callbacks_after_the_commit_say_which_savepoints_they_live_as_long_as(db: None) -> None:
    with transaction.atomic():
        transaction.on_commit(print)
        savepoints, callback, *_ = connection.run_on_commit[-1]
        assert savepoints == set(connection.savepoint_ids)
        assert callback is print
        transaction.set_rollback(True)


def test_expression_stays_on_the_object_or_gives_way_to_what_is_stored(site: Site) -> None:
    """Either is seen: an expression, a missing (deferred) value, or the value itself."""
    product = Product.objects.create(tenant=site.pk, sku="x")
    product.stock = F("stock") + 1
    product.save()
    held = product.__dict__.get("stock")
    assert held is None or held == 1 or hasattr(held, "resolve_expression")


class TestWrapping:
    """Of ``_save_table`` and ``_save_parents``: exactly the registered models', and undone."""

    def test_twice_is_once(self) -> None:
        wrapped = Note._save_table  # type: ignore[attr-defined]
        wrap_saves([Note], saves.begin)
        assert Note._save_table is wrapped  # type: ignore[attr-defined]

    def test_two_of_different_minds_see_each_save_once(self) -> None:
        seen: list[str] = []

        def begin(instance: Model, *args: Any) -> None:
            seen.append(type(instance).__name__)

        wrap_saves([Page], begin)
        try:
            with captured_updates() as recorded:
                LandingPage.objects.create(title="Harbour", site=Site.objects.create(name="Town"))
            assert seen == ["LandingPage"]
            assert [update.collection for update in recorded] == ["pages"]
        finally:
            connect_all()

    def test_child_inherits_its_parents(self) -> None:
        assert "_save_table" in Page.__dict__
        assert "_save_table" not in LandingPage.__dict__

    def test_is_undone_completely(self) -> None:
        def own(self: Model, *args: Any, **kwargs: Any) -> bool:
            return True

        Unregistered._save_table = own  # type: ignore[attr-defined]
        try:
            wrap_saves([Unregistered], lambda *args: None)
            assert Unregistered.__dict__["_save_table"] is not own
            unwrap_saves()
            assert Unregistered.__dict__["_save_table"] is own
            assert "_save_table" not in Note.__dict__
        finally:
            del Unregistered._save_table  # type: ignore[attr-defined]
            connect_all()
        assert "_save_table" in Note.__dict__

    def test_model_with_a_save_table_of_its_own_keeps_it(
        self, site: Site, recorded: Recording, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        called: list[str] = []
        disconnect_all()

        def own(self: Any, *args: Any, **kwargs: Any) -> bool:
            called.append("own")
            return bool(Model._save_table(self, *args, **kwargs))  # type: ignore[attr-defined]

        Note._save_table = own  # type: ignore[attr-defined]
        connect_all()
        try:
            Note.objects.create(site=site, text="x")
        finally:
            disconnect_all()
            del Note._save_table  # type: ignore[attr-defined]
            connect_all()
        assert called == ["own"]
        assert recorded.events() == [("created", "notes")]

    def test_nothing_is_recorded_after_disconnecting(self, site: Site, recorded: Recording) -> None:
        disconnect_all()
        try:
            Article.objects.create(site=site).tags.create(name="x")
            assert recorded() == []
        finally:
            connect_all()
            connect_all()
        Article.objects.create(site=site)
        assert recorded.events() == [("created", "articles")]
