"""Triggers come with migrate, follow the registrations, and say where they do not fit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.db.models import F, Q

from spool_live import LiveCollection, checks
from spool_live import apps as spool_apps
from spool_live.capture import triggers
from spool_live.capture.triggers import TriggerState
from spool_live.exceptions import SpoolLiveConfigurationError
from spool_live.isolation import exposures
from spool_live.models import Site
from spool_live.routers import LiveUpdatesRouter
from tests.capture.conftest import Recording
from tests.capture.triggering import declared, on_postgresql
from tests.commands.conftest import run_command
from tests.testapp.models import Article, Contribution, LandingPage, Note, Snippet

pytestmark = [on_postgresql, pytest.mark.django_db]
TABLE = "testapp_note"
FUNCTION = "spool_live_update_testapp_note()"
NAMES = ["spool_live_insert", "spool_live_update", "spool_live_delete"]


@pytest.fixture
def notes(db: None) -> Iterator[LiveCollection]:
    """Notes that triggers capture, which are not installed yet."""
    with declared(Note, capture="trigger", metadata_fields=("text",)) as collection:
        yield collection


@pytest.fixture
def installed(notes: LiveCollection) -> None:
    triggers.install("default")


def states() -> dict[str, TriggerState]:
    return {found.trigger: found.state for found in triggers.status("default")}


def sql(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


class TestStates:
    def test_missing_until_migrate_has_run(self, notes: LiveCollection, site: Site) -> None:
        assert states() == dict.fromkeys(NAMES, TriggerState.MISSING)
        spool_apps._install_triggers("default")
        assert states() == dict.fromkeys(NAMES, TriggerState.INSTALLED)
        assert [found.collection for found in triggers.status("default")] == ["notes"] * 3

    def test_other_databases_are_left_alone(self, notes: LiveCollection) -> None:
        spool_apps._install_triggers("nowhere")
        assert triggers.install("other") == triggers.status("other") == []

    @pytest.mark.usefixtures("installed")
    def test_what_fits_is_not_touched(self) -> None:
        definitions = "select oid, xmin::text from pg_trigger where tgname like 'spool_live%'"
        with connection.cursor() as cursor:
            cursor.execute(definitions)
            before = cursor.fetchall()
            triggers.install("default")
            cursor.execute(definitions)
            assert cursor.fetchall() == before

    @pytest.mark.usefixtures("installed")
    @pytest.mark.parametrize(
        ("damage", "state"),
        [
            (f"drop trigger spool_live_update on {TABLE}", TriggerState.MISSING),
            (f"alter table {TABLE} disable trigger spool_live_update", TriggerState.DISABLED),
            (f"alter function {FUNCTION} reset all", TriggerState.DIFFERS),
            (f"alter function {FUNCTION} security invoker", TriggerState.DIFFERS),
            (
                (
                    f"create or replace function {FUNCTION} returns trigger language plpgsql "
                    "as 'begin return null; end'"
                ),
                TriggerState.DIFFERS,
            ),
            (
                (
                    f"create or replace trigger spool_live_update before update on {TABLE} "
                    f"for each row execute function {FUNCTION}"
                ),
                TriggerState.DIFFERS,
            ),
        ],
    )
    def test_damage_is_seen_and_mended(self, damage: str, state: TriggerState) -> None:
        sql(damage)
        assert states()["spool_live_update"] is state
        triggers.install("default")
        assert set(states().values()) == {TriggerState.INSTALLED}

    def test_changed_declaration_differs(self, site: Site, recorded: Recording) -> None:
        with declared(Note, capture="trigger"):
            triggers.install("default")
        with declared(Note, capture="trigger", metadata_fields={"it's": "text"}):
            assert set(states().values()) == {TriggerState.DIFFERS}
            triggers.install("default")
            Note.objects.bulk_create([Note(site=site, text="x")])
            assert [r.metadata for r in recorded()] == [{"it's": "x"}]

    def test_nobody_asks_for_it_any_more(self) -> None:
        with declared(Note, capture="trigger"):
            triggers.install("default")
        assert states() == dict.fromkeys(NAMES, TriggerState.STALE)
        assert triggers.install("default") == []

    @pytest.mark.usefixtures("installed")
    def test_column_that_is_not_there_yet(self) -> None:
        triggers.remove("default")
        sql(f"alter table {TABLE} rename column t to later")
        (found,) = triggers.install("default")
        assert (found.state, found.detail) == (TriggerState.WAITING, f"{TABLE}.t does not exist")

    @pytest.mark.usefixtures("installed")
    def test_public_may_not_use_the_functions_elsewhere(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "select proname from pg_proc where proname like 'spool_live_%%' "
                "and proname ~ '(insert|update|delete)_testapp|_v1$' "
                "and has_function_privilege('public', oid, 'execute')"
            )
            assert cursor.fetchall() == []

    @pytest.mark.usefixtures("installed")
    def test_apis_of_supabase_serve_nothing_new(self) -> None:
        found = {exposure.subject for exposure in exposures("default")}
        triggers.remove("default")
        sql("drop function spool_live_item_id_v1, spool_live_fit_metadata_v1")
        assert found <= {exposure.subject for exposure in exposures("default")}

    def test_model_that_the_routers_keep_elsewhere(
        self, notes: LiveCollection, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(
            LiveUpdatesRouter,
            "allow_migrate",
            lambda self, db, app_label, **hints: app_label != "testapp",
        )
        assert triggers.install("default") == []


class TestCommand:
    def test_shows_installs_and_removes(self, notes: LiveCollection) -> None:
        missing = run_command("live_triggers", "--format", "json")
        assert (missing.code, {row["state"] for row in missing.rows}) == (1, {"missing"})
        assert "live_triggers --install" in missing.err
        made = run_command("live_triggers", "--install", "--format", "json")
        assert (made.code, {row["state"] for row in made.rows}) == (0, {"installed"})
        assert made.rows[0] == {
            "database": "default",
            "collection": "notes",
            "table": TABLE,
            "trigger": "spool_live_insert",
            "state": "installed",
            "detail": "",
        }
        assert run_command("live_triggers", "--check").code == 0
        removed = run_command("live_triggers", "--remove")
        assert (removed.code, "missing" in removed.out) == (0, True)

    def test_its_sql_makes_them(self, notes: LiveCollection) -> None:
        sql(run_command("live_triggers", "--sql").out)
        assert set(states().values()) == {TriggerState.INSTALLED}

    def test_without_such_collections(self) -> None:
        assert run_command("live_triggers").out.startswith("There are no triggers:")
        assert run_command("live_triggers", "--sql").out == ""

    def test_declaration_that_a_trigger_cannot_follow(self) -> None:
        with declared(Note, capture="trigger", get_metadata=lambda self, item: {}):
            refused = run_command("live_triggers", "--install")
        assert (refused.code, "Declare metadata_fields instead" in refused.err) == (1, True)


class TestChecks:
    def test_trigger_that_is_not_as_it_should_be(self, notes: LiveCollection) -> None:
        found = checks.check_triggers(None, databases=["default", "other"])
        assert [message.id for message in found] == ["spool_live.W012"] * 3
        assert all(message.hint for message in found)
        triggers.install("default")
        assert checks.check_triggers(None, databases=["default"]) == []
        assert checks.check_triggers(None) == []

    @pytest.mark.parametrize(
        ("model", "body", "words"),
        [
            (Note, {"get_site": lambda self, item: None}, "get_site() is Python"),
            (Note, {"get_slug": lambda self, item: ""}, "get_slug() is Python"),
            (Note, {"is_published": lambda self, item: True}, "is_published() is Python"),
            (Note, {"announces": lambda self, item: True}, "is_visible() is Python"),
            (Note, {"get_metadata": lambda self, item: {}}, "get_metadata() is Python"),
            (Snippet, {"site_field": "section.site"}, "a cascade may delete what 'section'"),
            (Note, {"slug_field": "id"}, "id is not a text column"),
            (LandingPage, {}, "lies in two tables"),
        ],
    )
    def test_what_a_trigger_cannot_follow(
        self, model: Any, body: dict[str, Any], words: str
    ) -> None:
        with declared(model, capture="trigger", **body) as collection:
            (message,) = checks.check_collections(None)
            assert message.id == "spool_live.E015"
            assert words in message.msg
            assert "capture" in str(message.hint)
            assert checks.check_triggers(None, databases=["default"]) == []
            with pytest.raises(SpoolLiveConfigurationError, match="Declared"):
                triggers.install("default")
            collection.capture = "signals"
            assert checks.check_collections(None) == []

    @pytest.mark.parametrize(
        ("body", "words"),
        [
            ({"capture": "magic"}, "capture = 'magic'"),
            ({"metadata_fields": ("nothing",)}, "no field named 'nothing'"),
            ({"metadata_fields": {"a": "site.name"}}, "no field named 'site.name'"),
            ({"watched_fields": ("nothing",)}, "no field named 'nothing'"),
            ({"m2m_fields": ("nothing",)}, "no many-to-many field 'nothing'"),
            ({"slug_field": "slug"}, "no field named 'slug'"),
            ({"site_field": "id"}, "does not end at the UUID of a site"),
            ({"site_field": "text.site"}, "'text' is not a foreign key"),
            ({"site_field": "owner"}, "no field named 'owner'"),
            ({"site_field": "site.owner"}, "no field named 'owner'"),
            ({"published_when": Q(nothing=1)}, "'nothing' is not a column"),
            ({"published_when": Q(text__startswith="x")}, "only exact, in"),
            ({"announced_when": Q(site__name="x")}, "only exact, in"),
            ({"announced_when": ~Q(Q(text__gt="x"))}, "text is ordered differently"),
            ({"announced_when": Q(text=F("id"))}, "compare with a plain value"),
        ],
    )
    @pytest.mark.parametrize("capture", ["signals", "trigger"])
    def test_what_no_collection_can_declare(
        self, body: dict[str, Any], words: str, capture: str
    ) -> None:
        with declared(Note, **{"capture": capture, **body}):
            (message,) = checks.check_collections(None)
        assert (message.id, words in message.msg) == ("spool_live.E015", True)

    @pytest.mark.parametrize("capture", ["signals", "trigger"])
    def test_way_that_ends_at_another_model(self, capture: str) -> None:
        with declared(Contribution, capture=capture, site_field="person"):
            (message,) = checks.check_collections(None)
        assert message.id == "spool_live.E015"
        assert "'person' leads to testapp.Tag, which is not a Site" in message.msg


class TestDatabases:
    @pytest.mark.django_db(databases=["default", "other"])
    def test_signals_record_where_there_are_no_triggers(self, recorded: Recording) -> None:
        with declared(Article, capture="trigger", published_when=Q(status="published")):
            site = Site.objects.using("other").create(name="Elsewhere")
            article = Article.objects.using("other").create(site=site, title="x")
            article.status = "published"
            article.save()
            article.delete()
        assert [r.event for r in recorded("other")] == ["created", "published", "deleted"]
        assert recorded() == []
