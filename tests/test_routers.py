from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db.models import Model

from spool_live.models import LiveUpdate, OutboxEntry, Site
from spool_live.routers import LiveUpdatesRouter
from tests.testapp.models import Article

Live = Callable[..., None]
ROUTER = LiveUpdatesRouter()


class TestOneDatabase:
    @pytest.fixture(autouse=True)
    def _default(self, live: Live) -> None:
        live(SUPABASE_DATABASE="default")

    @pytest.mark.parametrize("model", [LiveUpdate, Site, Article])
    def test_has_no_opinion(self, model: type[Model]) -> None:
        assert ROUTER.db_for_read(model) is None
        assert ROUTER.db_for_write(model) is None
        for alias in ("default", "other"):
            label = model._meta.app_label
            assert ROUTER.allow_migrate(alias, label, model._meta.model_name) is None


class TestSupabaseOnItsOwnAlias:
    @pytest.fixture(autouse=True)
    def _separate(self, live: Live) -> None:
        live(SUPABASE_DATABASE="supabase")

    def test_live_table_is_read_and_written_there(self) -> None:
        assert ROUTER.db_for_read(LiveUpdate) == "supabase"
        assert ROUTER.db_for_write(LiveUpdate) == "supabase"

    @pytest.mark.parametrize("model", [Site, OutboxEntry, Article])
    def test_content_goes_where_the_project_wants(self, model: type[Model]) -> None:
        assert ROUTER.db_for_read(model) is None
        assert ROUTER.db_for_write(model) is None

    @pytest.mark.parametrize(
        ("app_label", "model_name", "there", "elsewhere"),
        [
            pytest.param("spool_live", "liveupdate", True, False, id="live table"),
            pytest.param("spool_live", "site", False, None, id="our content"),
            pytest.param("spool_live", None, True, None, id="our SQL"),
            pytest.param("testapp", "article", False, None, id="content of others"),
            pytest.param("auth", None, False, None, id="code of others"),
        ],
    )
    def test_allow_migrate(
        self, app_label: str, model_name: str | None, there: bool, elsewhere: bool | None
    ) -> None:
        assert ROUTER.allow_migrate("supabase", app_label, model_name) is there
        assert ROUTER.allow_migrate("default", app_label, model_name) is elsewhere
