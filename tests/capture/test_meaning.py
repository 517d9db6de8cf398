"""Collections that raise, and metadata that is unfit: the editor's save is never lost for it."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from spool_live.metadata import METADATA_LIMIT
from spool_live.models import Site
from tests.capture.conftest import Recording, RegisterModel
from tests.testapp.models import (
    Unregistered,
)

pytestmark = pytest.mark.django_db


class TestCollectionThatRaises:
    """The editor's save is never lost for it."""

    def test_in_get_metadata(
        self,
        site: Site,
        recorded: Recording,
        register_model: RegisterModel,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        register_model(Unregistered, get_metadata=lambda self, item: {"x": item.missing})
        Unregistered.objects.create(site=site)
        [entry] = recorded()
        assert (entry.event, entry.metadata) == ("created", {"invalid": True})
        assert "cannot give metadata" in caplog.text

    @pytest.mark.parametrize("answer", [None, [1, 2], "text", 7])
    def test_metadata_that_is_no_mapping(
        self, answer: Any, site: Site, recorded: Recording, register_model: RegisterModel
    ) -> None:
        register_model(Unregistered, get_metadata=lambda self, item: answer)
        Unregistered.objects.create(site=site)
        assert recorded()[0].metadata == {"invalid": True}

    @pytest.mark.parametrize("method", ["get_slug", "is_published", "is_visible", "is_relevant"])
    def test_change_that_cannot_be_determined_is_at_least_an_update(
        self,
        method: str,
        site: Site,
        other_site: Site,
        recorded: Recording,
        register_model: RegisterModel,
    ) -> None:
        def raises(self: Any, *items: Any) -> Any:
            raise LookupError("no idea")

        register_model(Unregistered, **{method: raises}, get_metadata=lambda self, item: {"a": 1})
        item = Unregistered.objects.create(site=site)
        recorded()
        item.save()
        assert [(e.event, e.site, e.slug, e.metadata) for e in recorded()] == [
            ("updated", site, None, {"invalid": True})
        ]
        item.site = other_site
        item.save()
        assert next((e.event, e.site) for e in recorded()) == ("deleted", site)
        item.delete()
        assert [e.site for e in recorded()] == [other_site]

    def test_fault_is_in_the_log_once_a_kind(
        self,
        site: Site,
        recorded: Recording,
        register_model: RegisterModel,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        errors: list[type[Exception]] = [LookupError] * 3 + [ValueError]

        def raises(self: Any, item: Any) -> Any:
            raise errors.pop()

        register_model(Unregistered, is_visible=raises)
        for _ in range(4):
            Unregistered.objects.create(site=site)
        assert [e.event for e in recorded()] == ["updated"] * 4
        found = [r for r in caplog.records if "cannot determine a change" in r.getMessage()]
        assert [r.levelname for r in found] == ["ERROR", "ERROR", "DEBUG", "DEBUG"]

    def test_item_whose_site_nobody_knows_is_not_recorded(
        self,
        site: Site,
        recorded: Recording,
        register_model: RegisterModel,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        def raises(self: Any, item: Any) -> Any:
            raise LookupError("no idea")

        register_model(Unregistered, get_site=raises)
        item = Unregistered.objects.create(site=site)
        item.save()
        item.delete()
        assert recorded() == []
        assert "(not recorded)" in caplog.text

    @pytest.mark.parametrize("method", ["get_site", "get_metadata"])
    def test_in_a_query_takes_the_edit_back(
        self, method: str, site: Site, recorded: Recording, register_model: RegisterModel
    ) -> None:
        def query(self: Any, item: Any) -> Any:
            with connection.cursor() as cursor:
                cursor.execute("select no_such_column from sites")

        register_model(Unregistered, **{method: query})
        with pytest.raises(DatabaseError), transaction.atomic():
            Unregistered.objects.create(site=site)
        assert Unregistered.objects.count() == 0
        assert recorded() == []

    @pytest.mark.parametrize("method", ["get_site", "get_slug", "is_visible", "get_metadata"])
    def test_error_of_the_database_goes_through_although_the_transaction_would_go_on(
        self, method: str, site: Site, recorded: Recording, register_model: RegisterModel
    ) -> None:
        """SQLite and MariaDB would commit the edit without its update."""

        def fail(self: Any, item: Any) -> Any:
            raise DatabaseError("is away")

        register_model(Unregistered, **{method: fail})
        with pytest.raises(DatabaseError, match="is away"), transaction.atomic():
            Unregistered.objects.create(site=site)
        assert Unregistered.objects.count() == 0
        assert recorded() == []

    @pytest.mark.parametrize("site_id", ["no uuid", 7])
    def test_site_that_is_no_id(
        self,
        site_id: Any,
        site: Site,
        recorded: Recording,
        register_model: RegisterModel,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        register_model(Unregistered, get_site=lambda self, item: site_id)
        Unregistered.objects.create(site=site)
        assert recorded() == []
        assert "(not recorded)" in caplog.text

    def test_slug_that_is_no_text(
        self, site: Site, recorded: Recording, register_model: RegisterModel
    ) -> None:
        register_model(Unregistered, get_slug=lambda self, item: 2024)
        Unregistered.objects.create(site=site)
        assert recorded()[0].slug == "2024"


class TestUnfitText:
    """PostgreSQL's text and jsonb hold neither NUL nor lone surrogates: neither may cost a save."""

    @pytest.mark.parametrize(
        ("given", "kept"),
        [
            pytest.param("a\x00b", "ab", id="NUL"),
            pytest.param("a\ud800b", "a?b", id="lone surrogate"),
            pytest.param("a\\u0000b", "a\\u0000b", id="escaped NUL as text"),
            pytest.param("\\\x00\\u0000", "\\\\u0000", id="backslash before a NUL"),
        ],
    )
    def test_in_metadata_and_slug(
        self, given: str, kept: str, site: Site, recorded: Recording, register_model: RegisterModel
    ) -> None:
        register_model(
            Unregistered,
            get_slug=lambda self, item: given,
            get_metadata=lambda self, item: {"title": given, given: [given]},
        )
        Unregistered.objects.create(site=site)
        [entry] = recorded()
        assert entry.slug == kept
        assert entry.metadata == {"title": kept, kept: [kept]}

    @pytest.mark.parametrize("value", [float("nan"), object(), {1: object()}, b"bytes"])
    def test_metadata_that_is_no_json_is_left_out_and_flagged(
        self, value: Any, site: Site, recorded: Recording, register_model: RegisterModel
    ) -> None:
        register_model(Unregistered, get_metadata=lambda self, item: {"a": 1, "b": value, "c": 2})
        Unregistered.objects.create(site=site)
        assert recorded()[0].metadata == {"a": 1, "c": 2, "invalid": True}

    def test_metadata_that_is_too_deep(
        self, site: Site, recorded: Recording, register_model: RegisterModel
    ) -> None:
        deep: list[Any] = []
        for _ in range(METADATA_LIMIT):
            deep = [deep]
        register_model(Unregistered, get_metadata=lambda self, item: {"a": 1, "deep": deep})
        Unregistered.objects.create(site=site)
        assert recorded()[0].metadata == {"a": 1, "invalid": True}

    def test_metadata_above_its_limit_is_cut_and_flagged(
        self, site: Site, recorded: Recording, register_model: RegisterModel
    ) -> None:
        register_model(
            Unregistered,
            get_metadata=lambda self, item: {"a": 1, "long": "ä" * METADATA_LIMIT, "b": 2},
        )
        Unregistered.objects.create(site=site)
        assert recorded()[0].metadata == {"a": 1, "b": 2, "truncated": True}
